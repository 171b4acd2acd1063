/**
 * Makes the report of a run.
 *
 * @module
 */

import type { MirrorOutcome } from "../mirror/events.ts";
import type { MirrorPlan } from "../mirror/plan/plan_mirror.ts";
import type { Shard } from "../mirror/plan/shard.ts";
import { formatReference } from "../names/reference.ts";
import type { MirrorReport, ReportCollector } from "../report/json_report.ts";
import type { Tally } from "../report/summary.ts";
import { VERSION } from "../version.ts";
import { failedLines } from "./failed_lines.ts";
import type { RunList } from "./plan_list.ts";

/** What a report is made from. */
export interface FinishedRun {
  readonly command: string;
  readonly dryRun: boolean;
  readonly startedAt: Date;
  readonly exitCode: number;
  readonly list: RunList;
  /** The part of the list that the run took. */
  readonly shard?: Shard;
  readonly plan: MirrorPlan;
  /** In the order of the plan's tasks. */
  readonly outcomes: readonly MirrorOutcome[];
  readonly tally: Tally;
  readonly hosts: MirrorReport["hosts"];
  readonly collector: ReportCollector;
}

/** What the gate and the events know of each host. */
function hostsOf({ hosts, collector }: FinishedRun): MirrorReport["hosts"] {
  const counts = collector.hosts();
  const known = new Set(hosts.map(({ host }) => host));
  return [
    ...hosts,
    // Token servers and what registries redirect to: no pace is kept for them.
    ...[...counts.keys()].filter((host) => !known.has(host))
      .map((host) => ({ host, peak: 0, cuts: 0 })),
  ].map((use) => ({ ...use, ...counts.get(use.host) }));
}

/** The report. It also names the images that were never started. */
export function makeReport(run: FinishedRun): MirrorReport {
  const { collector, list, plan, tally } = run;
  for (const [i, outcome] of run.outcomes.entries()) {
    if (collector.hasBegun(outcome)) continue;
    const { sources, destination } = plan.tasks[i]!;
    collector.addUnstarted(outcome, {
      sources: sources.map(formatReference),
      destination: formatReference(destination),
    });
  }
  return {
    schemaVersion: 1,
    tool: { name: "hangar", version: VERSION },
    command: run.command,
    list: { name: list.name, digest: list.digest, lines: list.lines },
    shard: run.shard && { index: run.shard.index, count: run.shard.count },
    dryRun: run.dryRun,
    startedAt: run.startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    exitCode: run.exitCode,
    totals: tally.totals(),
    images: collector.images(),
    hosts: hostsOf(run),
    invalidLines: list.invalid,
    failedLines: failedLines(run),
  };
}
