import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  sharedPrefix,
  shortened,
  ShownNames,
} from "../../src/report/shared_names.ts";

for (
  const [names, want] of [
    [[], ""],
    [["docker.io/library/nginx:1"], "docker.io/library/"],
    [["h/a/x:1", "h/a/y:1"], "h/a/"],
    [["h/a/x:1", "h/ab/y:1"], "h/"],
    [["h/a/x:1", "i/a/x:1"], ""],
    [["h/a/b/x:1", "h/a/x:1"], "h/a/"],
    [["nothing"], ""],
  ] as const
) {
  Deno.test(`shared names: ${names.join(", ") || "none"} begin with "${want}"`, () => {
    assertEquals(sharedPrefix(names), want);
  });
}

Deno.test("shared names: what is left out and what is shown is the name, and names stay different", () => {
  const name = fc.array(fc.constantFrom("a", "b", "ab"), {
    minLength: 1,
    maxLength: 4,
  }).map((parts) => `${parts.join("/")}:v1`);
  fc.assert(fc.property(fc.array(name, { minLength: 1 }), (names) => {
    const shown = new ShownNames(names);
    for (const each of names) {
      assertEquals(shown.prefix + shown.short(each), each);
      assert(shown.short(each).length > 0);
      assert(shown.short(each).length <= shown.widest);
    }
    assertEquals(
      new Set(names.map((each) => shown.short(each))).size,
      new Set(names).size,
    );
  }));
});

Deno.test("shared names: a long name loses its middle, not its tag", () => {
  assertEquals(shortened("controller:v1.2", 15), "controller:v1.2");
  assertEquals(shortened("ingress-controller:v1.2", 15), "ingress…er:v1.2");
  for (let width = 1; width < 30; width++) {
    const made = shortened("ingress-nginx-controller:v1.20.0", width);
    assertEquals(made.length, width);
  }
});
