/**
 * Joins the reports of all parts of a list, and their failed lists.
 *
 * @module
 */

import { checkFailedPath, refuseSameFile } from "../machine/failed_list.ts";
import { readTextFile } from "../machine/read_input.ts";
import { writeReport } from "../machine/write_report.ts";
import type { Console } from "../report/console.ts";
import type { MirrorReport } from "../report/json_report.ts";
import { mergeReports, type NamedReport } from "../report/merge_reports.ts";
import { MAX_REPORT_BYTES, readReport } from "../report/read_report.ts";
import {
  dryRunLine,
  signingLine,
  summaryLevel,
  summaryLine,
  validationLine,
} from "../report/summary.ts";
import { VERSION } from "../version.ts";
import { ExitCode } from "./exit_code.ts";
import { keepFailed } from "./failed_lines.ts";
import { nothingAtAll } from "./nothing_at_all.ts";

/** What is joined, and where the result goes. */
export interface JoinOptions {
  /** Paths of reports. */
  readonly reports: readonly string[];
  /** A file for the joined report, `-` for standard output. */
  readonly output: string;
  /** The path of the joined failed list; without it none is written. */
  readonly failed?: string;
}

/**
 * Joins reports; gives the exit code, which says whether they could be joined.
 *
 * @throws {HangarError} `usage` for reports that are not all parts of one run
 */
export async function joinReports(
  options: JoinOptions,
  process: { readonly stdout: (output: string) => boolean | void },
  console: Console,
): Promise<number> {
  const { reports, output, failed } = options;
  for (const input of reports) {
    if (failed !== undefined) await checkFailedPath(failed, input);
    if (output !== "-") await checkFailedPath(output, input, "--output");
  }
  if (failed !== undefined && output !== "-") {
    await refuseSameFile(failed, output, { flag: "--output" });
  }
  const read: NamedReport[] = [];
  for (const name of reports) {
    const text = await readTextFile(name, "the report", MAX_REPORT_BYTES);
    read.push({ name, report: readReport(text, name) });
  }
  const joined = judged(
    mergeReports(read, { name: "hangar", version: VERSION }),
  );
  try {
    await writeReport(output, joined, process);
  } catch (error) {
    // The joined failed list is of use without the report.
    if (failed !== undefined) await keep(joined, failed, console);
    throw error;
  }
  const isKept = failed === undefined || await keep(joined, failed, console);
  console[summaryLevel(joined.totals)](summaryOf(joined));
  return isKept ? ExitCode.done : ExitCode.someFailed;
}

async function keep(
  { list, failedLines, totals }: MirrorReport,
  path: string,
  console: Console,
): Promise<boolean> {
  const isWhole = totals.interrupted === 0;
  return (await keepFailed(list.name, failedLines, path, console, isWhole))
    .isKept;
}

/** A part in which nothing was selected is no mistake; a whole list is. */
function judged(report: MirrorReport): MirrorReport {
  const nothing = nothingAtAll(
    report.images.map(({ outcome, nothing }) => ({ kind: outcome, nothing })),
  );
  return nothing !== undefined && report.exitCode === ExitCode.done
    ? { ...report, exitCode: ExitCode.someFailed }
    : report;
}

function summaryOf({ command, dryRun, totals }: MirrorReport): string {
  if (dryRun) return dryRunLine(totals);
  if (command === "sign") return signingLine(totals);
  return command.endsWith("validate")
    ? validationLine(totals)
    : summaryLine(totals);
}
