import { assertEquals } from "@std/assert";
import { wantsColor } from "../../src/cli/context.ts";

Deno.test("colour: NO_COLOR with any value turns it off", () => {
  for (
    const [value, want] of [
      [undefined, true],
      ["", true],
      ["1", false],
      ["0", false],
      ["false", false],
    ] as const
  ) {
    const env = (name: string) => name === "NO_COLOR" ? value : undefined;
    assertEquals(wantsColor(env), want, `${value}`);
  }
});
