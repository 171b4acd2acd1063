/**
 * The reports of all parts of a list, joined to that of one run.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { HangarError } from "../errors.ts";
import type { MirrorTotals } from "../mirror/events.ts";
import type { MirrorReport } from "./json_report.ts";
import type { StoredReport } from "./read_report.ts";

/** A report, and the file it was read from. */
export interface NamedReport {
  readonly name: string;
  readonly report: StoredReport;
}

/** A report of one part, complete. */
interface Part extends NamedReport {
  readonly report: MirrorReport;
  readonly shard: { readonly index: number; readonly count: number };
}

/** More parts than this are not named. */
const MAX_NAMED = 20;

/**
 * Joins the reports of all parts. Apart from times, and what depends on them,
 * the result is the report that one run on the whole list gives; only its exit
 * code is that of the worst part.
 *
 * @param tool the program that joins them
 * @throws {HangarError} `usage` when a part is missing, there twice, or of
 * another list or run
 */
export function mergeReports(
  reports: readonly NamedReport[],
  tool: MirrorReport["tool"],
): MirrorReport {
  const parts = reports.map((report) => partOf(report, reports.length));
  const [first, ...others] = parts;
  if (!first) throw new HangarError("usage", "there is no report to join");
  for (const other of others) checkSameRun(first, other);
  checkComplete(parts);
  const { command, dryRun, list } = first.report;
  const all = parts.map(({ report }) => report);
  const startedAt = all.map((report) => report.startedAt)
    .reduce((a, b) => Date.parse(a) <= Date.parse(b) ? a : b);
  const finishedAt = all.map((report) => report.finishedAt)
    .reduce((a, b) => Date.parse(a) >= Date.parse(b) ? a : b);
  return {
    schemaVersion: 1,
    tool,
    command,
    list,
    dryRun,
    startedAt,
    finishedAt,
    exitCode: Math.max(...all.map(({ exitCode }) => exitCode)),
    totals: {
      ...sumOf(all.map(({ totals }) => totals)),
      durationMs: Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)),
    },
    images: all.flatMap(({ images }) => images).sort((a, b) => a.id - b.id),
    hosts: hostsOf(all),
    invalidLines: inListOrder(all.flatMap((report) => report.invalidLines)),
    failedLines: inListOrder(all.flatMap((report) => report.failedLines)),
  };
}

/** @param of how many reports it is one */
function partOf({ name, report }: NamedReport, of: number): Part {
  const { list, failedLines, shard } = report;
  if (!list || !failedLines) {
    throw new HangarError(
      "usage",
      `${name} does not say which list it is of: it was written by an older hangar (${report.tool.version})`,
      { hint: "run that part again with this version" },
    );
  }
  if (!shard && of > 1) {
    throw new HangarError(
      "usage",
      `${name} is the report of a whole list, not of a part of it`,
      { hint: "join the reports of runs with --shard" },
    );
  }
  return {
    name,
    report: { ...report, list, failedLines },
    shard: shard ?? { index: 0, count: 1 },
  };
}

function checkSameRun(first: Part, other: Part): void {
  const refuse = (how: string, of: (part: Part) => string): never => {
    throw new HangarError(
      "usage",
      `${other.name} is of another ${how} than ${first.name}: ${
        of(other)
      } instead of ${of(first)}`,
    );
  };
  const same = (how: string, of: (part: Part) => string) => {
    if (of(first) !== of(other)) refuse(how, of);
  };
  if (first.report.list.digest !== other.report.list.digest) {
    refuse("list", ({ report: { list } }) => `${list.name} (${list.digest})`);
  }
  same("number of shards", ({ shard }) => `${shard.count}`);
  same(
    "command",
    ({ report: { command, dryRun } }) =>
      dryRun ? `a dry run of ${command}` : command,
  );
}

function checkComplete(parts: readonly Part[]): void {
  const { count } = parts[0]!.shard;
  const byIndex = new Map<number, Part>();
  for (const part of parts) {
    const { index } = part.shard;
    if (index >= count) {
      throw new HangarError(
        "usage",
        `${part.name} says that it is shard ${index}/${count}, which there is not`,
      );
    }
    const twin = byIndex.get(index);
    if (twin) {
      throw new HangarError(
        "usage",
        `${twin.name} and ${part.name} are both of shard ${index}/${count}`,
      );
    }
    byIndex.set(index, part);
  }
  const missing: number[] = [];
  for (let index = 0; index < count; index++) {
    if (byIndex.has(index)) continue;
    missing.push(index);
    if (missing.length > MAX_NAMED) break;
  }
  if (missing.length > 0) {
    const named = missing.slice(0, MAX_NAMED).join(", ");
    throw new HangarError(
      "usage",
      `the report of shard ${named}${
        missing.length > MAX_NAMED ? " and others" : ""
      } of ${count} is missing`,
      { hint: "give the reports of all parts of the list" },
    );
  }
  checkLines(parts);
}

/** Parts with other flags may share a list out otherwise. */
function checkLines(parts: readonly Part[]): void {
  const { list } = parts[0]!.report;
  const home = new Map<number, Part>();
  for (const part of parts) {
    const { images, invalidLines } = part.report;
    const lines = [
      ...images.flatMap((image) => image.lines),
      ...invalidLines.map(({ line }) => line),
    ];
    for (const line of lines) {
      const other = home.get(line);
      if (other && other !== part) {
        throw new HangarError(
          "usage",
          `${other.name} and ${part.name} both have line ${line} of ${list.name}: they are not parts of one run`,
          { hint: "run all parts with the same flags" },
        );
      }
      home.set(line, part);
    }
  }
  if (home.size === list.lines) return;
  throw new HangarError(
    "usage",
    `the reports have ${home.size} of the ${
      counted(list.lines, "line")
    } of ${list.name}: they are not parts of one run`,
    { hint: "run all parts with the same flags" },
  );
}

function sumOf(all: readonly MirrorTotals[]): MirrorTotals {
  const sum: { -readonly [Key in keyof MirrorTotals]: number } = {
    ...all[0]!,
  };
  const keys = Object.keys(sum) as (keyof MirrorTotals)[];
  for (const totals of all.slice(1)) {
    for (const key of keys) sum[key] += totals[key];
  }
  return sum;
}

/** The numbers of a host are sums; of `peak`, the largest is taken. */
function hostsOf(all: readonly MirrorReport[]): MirrorReport["hosts"] {
  const hosts = new Map<string, MirrorReport["hosts"][number]>();
  for (const host of all.flatMap((report) => report.hosts)) {
    const known = hosts.get(host.host);
    hosts.set(
      host.host,
      known
        ? {
          ...known,
          peak: Math.max(known.peak, host.peak),
          cuts: known.cuts + host.cuts,
          requests: sumOfKnown(known.requests, host.requests),
          retries: sumOfKnown(known.retries, host.retries),
        }
        : host,
    );
  }
  return [...hosts.values()];
}

/** Undefined where neither is known: older reports do not say it. */
function sumOfKnown(a?: number, b?: number): number | undefined {
  return a === undefined ? b : a + (b ?? 0);
}

function inListOrder<T extends { readonly line: number }>(
  lines: readonly T[],
): T[] {
  return [...lines].sort((a, b) => a.line - b.line);
}
