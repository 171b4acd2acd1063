import { assertEquals, assertThrows } from "@std/assert";
import { withoutVariables } from "../../../src/transport/proxy/without_variables.ts";

// Tests in other files run at the same time, in the same environment.
const SET = "HANGAR_TEST_WITHOUT_SET";
const EMPTY = "HANGAR_TEST_WITHOUT_EMPTY";
const UNSET = "HANGAR_TEST_WITHOUT_UNSET";
const NAMES = [SET, EMPTY, UNSET];

Deno.test("variables are hidden while something is done, and are as before after it", () => {
  Deno.env.set(SET, "value");
  Deno.env.set(EMPTY, "");
  try {
    const seen = () => NAMES.map((name) => Deno.env.get(name));
    assertEquals(
      withoutVariables(NAMES, seen),
      [undefined, undefined, undefined],
    );
    assertEquals(seen(), ["value", "", undefined]);
    assertThrows(() =>
      withoutVariables(NAMES, () => {
        throw new Error("no client");
      })
    );
    assertEquals(seen(), ["value", "", undefined]);
  } finally {
    for (const name of NAMES) Deno.env.delete(name);
  }
});
