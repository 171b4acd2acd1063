import { assertEquals } from "@std/assert";
import type { MirrorReport } from "../../src/report/json_report.ts";
import { mergeReports } from "../../src/report/merge_reports.ts";
import { Tally } from "../../src/report/summary.ts";

function part(index: number, hosts: MirrorReport["hosts"]) {
  const report: MirrorReport = {
    schemaVersion: 1,
    tool: { name: "hangar", version: "0.1.0" },
    command: "mirror",
    dryRun: false,
    list: { name: "images.txt", digest: "sha256:00", lines: 0 },
    shard: { index, count: 2 },
    startedAt: "2026-01-02T03:04:05.000Z",
    finishedAt: "2026-01-02T03:04:06.000Z",
    exitCode: 0,
    totals: new Tally().totals(),
    images: [],
    hosts,
    invalidLines: [],
    failedLines: [],
  };
  return { name: `${index}.json`, report };
}

Deno.test("merge reports: what each part saw of a host is added up", () => {
  const joined = mergeReports([
    part(0, [
      { host: "a", peak: 3, cuts: 1, requests: 10, retries: 2 },
      { host: "old", peak: 1, cuts: 0 },
    ]),
    part(1, [
      { host: "a", peak: 5, cuts: 1, requests: 7, retries: 0 },
      { host: "old", peak: 1, cuts: 0, requests: 4, retries: 1 },
    ]),
  ], { name: "hangar", version: "0.1.0" });
  assertEquals(joined.hosts, [
    { host: "a", peak: 5, cuts: 2, requests: 17, retries: 2 },
    { host: "old", peak: 1, cuts: 0, requests: 4, retries: 1 },
  ]);
});
