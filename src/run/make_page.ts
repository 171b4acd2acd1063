/**
 * Makes a page for a browser from the report of a run.
 *
 * @module
 */

import { checkFailedPath } from "../machine/failed_list.ts";
import { fileError } from "../machine/file_error.ts";
import { readTextFile } from "../machine/read_input.ts";
import { replaceFile } from "../machine/replace_file.ts";
import { htmlReport } from "../report/html_report.ts";
import { MAX_REPORT_BYTES, readReport } from "../report/read_report.ts";

/** What the page is made from, and where it goes. */
export interface PageOptions {
  /** The path of the report. */
  readonly report: string;
  /** A file for the page, `-` for standard output. */
  readonly output: string;
}

/**
 * Makes the page.
 *
 * @throws {HangarError} `usage` for what is no report, or an output that cannot
 * be; `file` when it cannot be written
 */
export async function makePage(
  { report, output }: PageOptions,
  process: { readonly stdout: (output: string) => boolean | void },
): Promise<void> {
  if (output !== "-") await checkFailedPath(output, report, "--output");
  const json = await readTextFile(report, "the report", MAX_REPORT_BYTES);
  const page = htmlReport(readReport(json, report));
  if (output === "-") {
    for (const piece of page) process.stdout(piece);
    return;
  }
  try {
    await replaceFile(output, page);
  } catch (cause) {
    throw fileError("write", `the page ${output}`, cause);
  }
}
