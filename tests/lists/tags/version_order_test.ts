import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  compareVersions,
  newestOf,
  parseVersion,
} from "../../../src/lists/tags/version_order.ts";

/** Each older than the one after it. */
const ORDERS: readonly (readonly string[])[] = [
  ["1.9", "1.10", "1.10.1", "2"],
  ["v1.2.3", "1.2.4", "v1.3"],
  ["1.2.3.4", "1.2.3.10", "1.2.4"],
  ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta", "1.0.0-rc.2", "1.0.0"],
  ["1.0-rc2", "1.0-rc10", "1.0"],
  ["20240115", "20240201"],
  ["2024-01-15", "20240116", "2024.01.17", "2024-10-01"],
  ["20240115", "20240115-1030", "20240115-1145"],
  ["1.27-alpine3.9", "1.27-alpine3.19", "1.27"],
  ["1.2.3_build1", "1.2.4_build0"],
];

for (const order of ORDERS) {
  Deno.test(`versions: ${order.join(" < ")}`, () => {
    for (const [i, older] of order.entries()) {
      for (const newer of order.slice(i + 1)) {
        const [a, b] = [parseVersion(older)!, parseVersion(newer)!];
        assertEquals(compareVersions(a, b) < 0, true, `${older} ${newer}`);
        assertEquals(compareVersions(b, a) > 0, true, `${newer} ${older}`);
      }
    }
  });
}

for (const tag of ["latest", "main", "alpine", "v", "sha-1234abc", "1.x"]) {
  Deno.test(`versions: ${tag} is none`, () => {
    assertEquals(parseVersion(tag), undefined);
  });
}

Deno.test("versions: v1.2, 1.2 and 1.2.0 are one", () => {
  const [a, b, c] = ["v1.2", "1.2", "1.2.0"].map((t) => parseVersion(t)!);
  assertEquals([compareVersions(a!, b!), compareVersions(b!, c!)], [0, 0]);
});

Deno.test("versions: the newest keep their order, and what is no version is never among them", () => {
  assertEquals(
    newestOf(["latest", "1.10", "1.9", "1.8", "edge", "1.11-rc1"], 3),
    ["1.10", "1.9", "1.11-rc1"],
  );
  assertEquals(newestOf(["latest"], 3), []);
});

Deno.test("versions: the order is one, whatever the tags", () => {
  const tag = fc.oneof(
    fc.stringMatching(/^v?\d{1,3}(\.\d{1,2}){0,3}(-[a-c1-3.]{1,4})?$/),
    fc.stringMatching(/^20\d\d-?[01]\d-?[0-3]\d(-\d{1,4})?$/),
  );
  fc.assert(fc.property(tag, tag, tag, (a, b, c) => {
    const [x, y, z] = [a, b, c].map(parseVersion);
    if (!x || !y || !z) return;
    const [xy, yz] = [compareVersions(x, y), compareVersions(y, z)];
    assertEquals(Math.sign(xy), -Math.sign(compareVersions(y, x)) + 0);
    if (xy <= 0 && yz <= 0) assertEquals(compareVersions(x, z) <= 0, true);
  }));
});

Deno.test("versions: a long tag is read at once", () => {
  const began = performance.now();
  for (const tag of ["20240115-" + "11-".repeat(38) + "x", "1".repeat(128)]) {
    parseVersion(tag);
  }
  assertEquals(performance.now() - began < 5_000, true);
});
