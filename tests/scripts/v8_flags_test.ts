import { assertStringIncludes } from "@std/assert";
import { V8_FLAGS } from "../../scripts/v8_flags.ts";

Deno.test("v8 flags: task hangar runs with those of the binary", async () => {
  const file = new URL("../../deno.json", import.meta.url);
  const { tasks } = JSON.parse(await Deno.readTextFile(file));
  assertStringIncludes(tasks.hangar, ` ${V8_FLAGS} `);
});
