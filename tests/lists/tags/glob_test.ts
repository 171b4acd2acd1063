import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HangarError } from "../../../src/errors.ts";
import { isGlob, parseGlob } from "../../../src/lists/tags/glob.ts";

const MATCHES: readonly [string, string[], string[]][] = [
  ["1.2*", ["1.2", "1.27", "1.2-rc1"], ["1.1", "v1.2", "11.2"]],
  ["*", ["latest", "1"], []],
  ["v?.?", ["v1.2"], ["v1.22", "v1"]],
  ["[0-9].[0-9]", ["1.2"], ["a.2", "10.2"]],
  ["[!v]*", ["1.2", "latest"], ["v1"]],
  ["[^v]*", ["1.2"], ["v1"]],
  ["[a-]x", ["ax", "-x"], ["bx"]],
  ["{1.26,1.27}", ["1.26", "1.27"], ["1.25", "1.26,1.27"]],
  ["{1.2*,latest}-alpine", ["1.27-alpine", "latest-alpine"], ["1.27"]],
  ["1.27{,-alpine}", ["1.27", "1.27-alpine"], ["1.27-"]],
  ["{a{b,c},d}", ["ab", "ac", "d"], ["a", "ad"]],
  ["1.2.3*", ["1.2.3"], ["1x2.3"]],
  ["**a**", ["a", "bab"], ["b"]],
];

for (const [glob, yes, no] of MATCHES) {
  Deno.test(`glob: ${glob}`, () => {
    assertEquals(isGlob(glob), true);
    const { matches } = bound(glob);
    assertEquals(yes.filter((tag) => !matches(tag)), []);
    assertEquals(no.filter((tag) => matches(tag)), []);
  });
}

function bound(glob: string) {
  const pattern = parseGlob(glob);
  return { matches: (tag: string) => pattern.matches(tag) };
}

for (const bad of ["[", "a[b", "{a", "{a,{b}", "[]", "[z-a]", "a/b*", "a!*"]) {
  Deno.test(`glob: ${bad} is refused`, () => {
    assertThrows(() => parseGlob(bad), HangarError, "invalid glob");
  });
}

Deno.test("glob: its time does not explode", () => {
  const { matches } = bound(`${"*a".repeat(60)}b`);
  const began = performance.now();
  for (let i = 0; i < 20; i++) assertEquals(matches("a".repeat(128)), false);
  // Backtracking would need years.
  assertEquals(performance.now() - began < 20_000, true);
});

Deno.test("glob: agrees with the regular expression that says the same", () => {
  const plain = fc.stringMatching(/^[ab.]{1,3}$/);
  const part: fc.Arbitrary<[string, string]> = fc.oneof(
    plain.map((s): [string, string] => [s, s.replaceAll(".", "\\.")]),
    fc.constant<[string, string]>(["*", ".*"]),
    fc.constant<[string, string]>(["?", "."]),
    fc.constant<[string, string]>(["[!a]", "[^a]"]),
    fc.tuple(plain, plain).map(([a, b]): [string, string] => [
      `{${a},${b}*}`,
      `(?:${a}|${b}.*)`.replaceAll(/\.(?!\*)/g, "\\."),
    ]),
  );
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 5 }),
      fc.stringMatching(/^[ab.]{0,8}$/),
      (parts, tag) => {
        const expected = new RegExp(
          `^${parts.map(([, regex]) => regex).join("")}$`,
        );
        const glob = parts.map(([text]) => text).join("");
        assertEquals(parseGlob(glob).matches(tag), expected.test(tag));
      },
    ),
  );
});
