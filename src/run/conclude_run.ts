/**
 * The end of a run: recap, failed list, summary, report, exit code.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import { writeReport } from "../machine/write_report.ts";
import type { MirrorOutcome } from "../mirror/events.ts";
import type { MirrorPlan } from "../mirror/plan/plan_mirror.ts";
import type { MirrorReport } from "../report/json_report.ts";
import { summaryLevel } from "../report/summary.ts";
import { ExitCode } from "./exit_code.ts";
import { failedLines, keepFailed, recap } from "./failed_lines.ts";
import type { ListJob, ListRunOptions } from "./list_job.ts";
import { makeReport } from "./make_report.ts";
import { nothingAtAll } from "./nothing_at_all.ts";
import type { PlannedList } from "./plan_list.ts";
import type { RunProcess } from "./process.ts";
import type { RunLog } from "./run_log.ts";

/** The result of a run. */
export interface WorkedList extends PlannedList {
  /** The plan, in which images for destinations that refused the login fail. */
  readonly plan: MirrorPlan;
  /** In the order of the plan's tasks. */
  readonly outcomes: readonly MirrorOutcome[];
  /** The hosts that were asked. */
  readonly hosts: MirrorReport["hosts"];
  readonly interrupted: boolean;
}

/** Reports the result, and writes the failed list; gives the exit code. */
export async function conclude(
  { list, plan, outcomes, interrupted }: WorkedList,
  options: ListRunOptions,
  job: ListJob,
  { console, tally }: RunLog,
): Promise<number> {
  // A dry run leaves the failed list of a real one alone.
  const path = job.dryRun ? undefined : options.failed;
  recap({ list, plan, outcomes }, path, console);
  const { failed, isKept } = path === undefined
    ? { failed: tally.totals().failed, isKept: true }
    : await keepFailed(
      list.name,
      failedLines({ list, plan, outcomes }),
      path,
      console,
      !outcomes.some(({ kind }) => kind === "interrupted"),
    );
  tally.addUnstarted(
    outcomes.filter((o) => o.kind === "interrupted").length -
      tally.totals().interrupted,
  );
  const totals = tally.totals();
  console[summaryLevel(totals)](job.summary(totals));
  // In one part of a list, that may well be right: `report merge` judges all.
  const isWhole = options.shard === undefined || options.shard.count === 1;
  const nothing = nothingAtAll(outcomes) ?? (
    outcomes.length + list.invalid.length > 0 || interrupted || !isWhole
      ? undefined
      : `${list.name}: no tag was chosen, so there was nothing to do`
  );
  if (nothing !== undefined) {
    if (isWhole) console.error(nothing);
    else console.warn(nothing);
  }
  if (interrupted) return ExitCode.interrupted;
  return failed > 0 || !isKept || nothing !== undefined && isWhole
    ? ExitCode.someFailed
    : ExitCode.done;
}

/** Writes the report, where one is wanted; gives the exit code. */
export async function writeRunReport(
  run: WorkedList & { readonly exitCode: number },
  options: ListRunOptions,
  process: Pick<RunProcess, "stdout">,
  { command, dryRun = false }: ListJob,
  { console, collector, startedAt, tally }: RunLog,
): Promise<number> {
  const { exitCode } = run;
  if (!collector) return exitCode;
  const made = makeReport({
    ...run,
    shard: options.shard,
    command,
    dryRun,
    startedAt,
    tally,
    collector,
  });
  options.onReport?.(made);
  try {
    if (options.report) await writeReport(options.report, made, process);
    return exitCode;
  } catch (error) {
    console.error(describeError(error));
    return exitCode === ExitCode.done ? ExitCode.someFailed : exitCode;
  }
}
