import { assertEquals, assertRejects } from "@std/assert";
import { withVariables } from "../../src/machine/with_variables.ts";

// Tests in other files run at the same time, in the same environment.
const SET = "HANGAR_TEST_WITH_SET";
const UNSET = "HANGAR_TEST_WITH_UNSET";

Deno.test("variables are set while something loads, and are as before after it", async () => {
  Deno.env.set(SET, "before");
  try {
    const seen = () => [Deno.env.get(SET), Deno.env.get(UNSET)];
    const during = await withVariables(
      { [SET]: "during", [UNSET]: "too" },
      () => Promise.resolve(seen()),
    );
    assertEquals(during, ["during", "too"]);
    assertEquals(seen(), ["before", undefined]);
    await assertRejects(() =>
      withVariables(
        { [SET]: "during", [UNSET]: "too" },
        () => Promise.reject(new Error("no module")),
      )
    );
    assertEquals(seen(), ["before", undefined]);
  } finally {
    Deno.env.delete(SET);
  }
});
