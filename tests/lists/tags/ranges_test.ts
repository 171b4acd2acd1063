import { assertEquals, assertThrows } from "@std/assert";
import { HangarError } from "../../../src/errors.ts";
import { parseRange } from "../../../src/lists/tags/regsync_versions.ts";
import { parseConstraint } from "../../../src/lists/tags/semver_constraint.ts";

/** A range, tags within it, tags outside. */
type Case = readonly [string, readonly string[], readonly string[]];

// As regclient's documentation and its package internal/semver have it.
const REGSYNC: readonly Case[] = [
  [">=1.2.0 <2.0.0", ["1.2.0", "v1.9", "1.10.3"], ["1.1.9", "2.0.0", "latest"]],
  ["^1.2.3", ["1.2.3", "1.9"], ["1.2.2", "2.0.0"]],
  ["^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]],
  ["^0.0.3", ["0.0.3"], ["0.0.4", "0.0.2"]],
  ["~1.2.3", ["1.2.3", "1.2.99"], ["1.3.0"]],
  ["1.2", ["1.2", "v1.2.0", "1.2.0.0"], ["1.2.1", "1.2-rc1"]],
  [">1.2.3.4", ["1.2.3.5", "1.2.4"], ["1.2.3.4"]],
  [">=1.0.0-rc2", ["1.0.0-rc2", "1.0.0-rc10", "1.0.0"], ["1.0.0-rc1"]],
  ["<1.0.0", ["1.0.0-alpha", "0.9"], ["1.0.0"]],
  [">1.0-2.1", ["1.0-2.2", "1.0-2.10", "1.0-beta"], ["1.0-2", "1.0-1.9"]],
];

for (const [range, yes, no] of REGSYNC) {
  Deno.test(`regsync's range ${range}`, () => {
    const { includes } = bound(parseRange(range));
    assertEquals(yes.filter((tag) => !includes(tag)), []);
    assertEquals(no.filter((tag) => includes(tag)), []);
  });
}

// As the README of Masterminds/semver has it.
const SKOPEO: readonly Case[] = [
  [">= 1.2, < 3.0.0 || >= 4.2.3", ["1.2", "2.9", "4.2.3"], ["3.0.0", "4.2.2"]],
  [">= 1.2.3 < 2", ["1.2.3"], ["2.0.0"]],
  ["1.2 - 1.4.5", ["1.2.0", "1.4.5"], ["1.4.6", "1.1"]],
  ["1.2.x", ["1.2.0", "1.2.99"], ["1.3.0"]],
  [">= 1.2.x", ["1.2.0", "9"], ["1.1.9"]],
  ["*", ["0.0.1", "9"], ["latest", "1.0.0-rc1"]],
  ["~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0"]],
  ["~1", ["1.0.0", "1.9"], ["2.0"]],
  ["~>2.3", ["2.3.1"], ["2.4.0"]],
  ["^1.2.3", ["1.2.3", "1.9"], ["2.0.0"]],
  ["^0.2.3", ["0.2.5"], ["0.3.0"]],
  ["^0.0.3", ["0.0.3"], ["0.0.4"]],
  ["^0.0", ["0.0.9"], ["0.1.0"]],
  ["!=1.2.x", ["1.3.0"], ["1.2.1"]],
  [">1.2.3-beta.1", ["1.2.3-beta.2", "1.2.3"], ["1.2.3-alpha.9"]],
  [">1.2", ["1.3.0"], ["1.2.9"]],
  ["<=1.2", ["1.2.9", "1.1"], ["1.3.0"]],
];

for (const [range, yes, no] of SKOPEO) {
  Deno.test(`skopeo's constraint ${range}`, () => {
    const { includes } = bound(parseConstraint(range));
    assertEquals(yes.filter((tag) => !includes(tag)), []);
    assertEquals(no.filter((tag) => includes(tag)), []);
  });
}

function bound(range: { includes(tag: string): boolean }) {
  return { includes: (tag: string) => range.includes(tag) };
}

for (const bad of ["", ">", ">=x", "1.2..3", "a", "1 - "]) {
  Deno.test(`ranges: ${JSON.stringify(bad)} is refused`, () => {
    assertThrows(() => parseRange(bad), HangarError, "is not a range");
  });
}
for (const bad of ["", ">", "1.2..3", "a", ">=1;<2", "1 2 ,, 3"]) {
  Deno.test(`constraints: ${JSON.stringify(bad)} is refused`, () => {
    assertThrows(
      () => parseConstraint(bad),
      HangarError,
      "is not a constraint",
    );
  });
}

Deno.test("ranges: long texts end in time", () => {
  const began = performance.now();
  const tag = `1.${"0.".repeat(60)}0-${"a.".repeat(3)}x`.slice(0, 128);
  parseRange(">1").includes(tag);
  parseConstraint(">1").includes(`1.2.3-${"a-".repeat(60)}+`);
  assertEquals(performance.now() - began < 5_000, true);
});
