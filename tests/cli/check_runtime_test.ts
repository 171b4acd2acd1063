import { assertEquals, assertStringIncludes } from "@std/assert";
import { unfitRuntime } from "../../src/cli/check_runtime.ts";

Deno.test("runtime: a Deno before 2.8 is named, with what is needed", () => {
  for (const version of ["2.8.0", "2.9.6", "2.10.0", "3.0.0", "2.8.0-rc.1"]) {
    assertEquals(unfitRuntime(version), undefined, version);
  }
  for (const version of ["2.7.14", "2.0.0", "1.46.3"]) {
    const why = unfitRuntime(version) ?? "";
    assertStringIncludes(why, "Deno 2.8 or newer");
    assertStringIncludes(why, version);
  }
});
