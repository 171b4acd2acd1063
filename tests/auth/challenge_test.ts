import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseChallenges } from "../../src/auth/challenge.ts";

for (
  const [header, want] of [
    ["", []],
    ['Basic realm="a, b"', [["basic", { realm: "a, b" }]]],
    [
      'Bearer realm="https://auth.io/token",service="reg.io",scope="repository:a/b:pull,push"',
      [["bearer", {
        realm: "https://auth.io/token",
        service: "reg.io",
        scope: "repository:a/b:pull,push",
      }]],
    ],
    [
      'Negotiate, Basic realm=x, Bearer realm="q\\"q" , service=s',
      [["negotiate", {}], ["basic", { realm: "x" }], ["bearer", {
        realm: 'q"q',
        service: "s",
      }]],
    ],
  ] as const
) {
  Deno.test(`challenge: ${header || "none"}`, () => {
    assertEquals<unknown>(
      parseChallenges(header).map((c) => [c.scheme, c.parameters]),
      want,
    );
  });
}

Deno.test("challenge: no header makes the parser hang or fail", () => {
  fc.assert(fc.property(fc.string(), (header) => {
    assertEquals(Array.isArray(parseChallenges(header)), true);
  }));
});
