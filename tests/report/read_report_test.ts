import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { readReport } from "../../src/report/read_report.ts";

const zero = {
  bytesSent: 0,
  bytesMounted: 0,
  requests: 0,
  retries: 0,
  durationMs: 0,
};

const IMAGE = {
  id: 1,
  lines: [1],
  sources: [{ reference: "docker.io/library/nginx:latest" }],
  destination: { reference: "d.io/library/nginx:latest" },
  outcome: "copied",
  ...zero,
  warnings: [],
};

// What the first version with a report wrote, by docs/report.schema.json.
const OLD = {
  schemaVersion: 1,
  tool: { name: "hangar", version: "0.1.0" },
  command: "mirror",
  dryRun: false,
  startedAt: "2026-01-02T03:04:05.006Z",
  finishedAt: "2026-01-02T03:05:05.006Z",
  exitCode: 0,
  totals: { copied: 1, failed: 0 },
  images: [IMAGE],
};

Deno.test("read report: an older one, to which later fields are added", () => {
  const report = readReport(JSON.stringify(OLD), "old.json");
  assertEquals(report.hosts, []);
  assertEquals(report.invalidLines, []);
  assertEquals(report.totals.copied, 1);
  assertEquals(report.totals.present, 0);
  assertEquals(report.list, undefined);
});

Deno.test("read report: fields of a later version are kept", () => {
  const later = {
    ...OLD,
    images: [{ ...IMAGE, flavour: { of: "later" } }],
    weather: "fine",
    totals: { copied: 1, later: 3 },
  };
  const report = readReport(JSON.stringify(later), "later.json");
  const kept = JSON.parse(JSON.stringify(report));
  assertEquals(kept.images, later.images);
  assertEquals(kept.weather, "fine");
  assertEquals(kept.totals.later, 3);
});

const REFUSED: readonly [string, unknown, string][] = [
  ["not JSON", undefined, "not JSON"],
  ["a list", [], "it is not an object"],
  ["null", null, "it is not an object"],
  ["no version", { ...OLD, schemaVersion: undefined }, "schemaVersion"],
  ["another version", { ...OLD, schemaVersion: 2 }, "schemaVersion"],
  [
    "another tool",
    { ...OLD, tool: { name: "x", version: "1" } },
    "tool.name is not one of hangar",
  ],
  ["exit code", { ...OLD, exitCode: 2 }, "exitCode"],
  ["time", { ...OLD, startedAt: "yesterday" }, "startedAt is not a time"],
  ["totals", { ...OLD, totals: { copied: "1" } }, "totals.copied"],
  ["later totals", { ...OLD, totals: { later: "1" } }, "totals.later"],
  ["images", { ...OLD, images: {} }, "images is not a list"],
  [
    "phases",
    { ...OLD, images: [{ ...IMAGE, phases: { copying: "long" } }] },
    "images[0].phases.copying is not a whole number",
  ],
  [
    "beginning",
    { ...OLD, images: [{ ...IMAGE, startedAt: "soon" }] },
    "images[0].startedAt is not a time",
  ],
  [
    "platforms",
    { ...OLD, images: [{ ...IMAGE, platforms: [{ platform: "linux" }] }] },
    "images[0].platforms[0].digest is not a text",
  ],
  [
    "retries of a host",
    { ...OLD, hosts: [{ host: "h", peak: 1, cuts: 0, retries: -1 }] },
    "hosts[0].retries is not a whole number",
  ],
  [
    "id",
    { ...OLD, images: [IMAGE, { ...IMAGE, id: -1 }] },
    "images[1].id is not a whole number",
  ],
  [
    "outcome",
    { ...OLD, images: [{ ...IMAGE, outcome: "eaten" }] },
    "images[0].outcome is not one of copied",
  ],
  [
    "reference",
    { ...OLD, images: [{ ...IMAGE, destination: {} }] },
    "images[0].destination.reference is not a text",
  ],
  ["lines", { ...OLD, images: [{ ...IMAGE, lines: ["1"] }] }, "lines[0]"],
  [
    "failed lines",
    { ...OLD, failedLines: [{ line: 1, text: "a", reason: 3 }] },
    "failedLines[0].reason is not a text",
  ],
  ["shard", { ...OLD, shard: { index: 0.5, count: 3 } }, "shard.index"],
];

for (const [name, value, want] of REFUSED) {
  Deno.test(`read report: refused: ${name}`, () => {
    const text = value === undefined ? "no {json" : JSON.stringify(value);
    const error = assertThrows(() => readReport(text, "r.json"), HangarError);
    assertEquals(error.code, "usage");
    assertStringIncludes(error.message, "r.json is no report of hangar");
    assertStringIncludes(error.message, want);
  });
}
