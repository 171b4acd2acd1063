/**
 * The log of signing, and of looking for signatures.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import type { MirrorEventSink } from "../mirror/events.ts";
import type { Console } from "./console.ts";
import { fieldsOf, type Finished, logPlans, logRow } from "./log_events.ts";
import type { ResultRows } from "./result_rows.ts";

/**
 * Writes the events of `sign` and `sign validate`.
 *
 * @param rows the columns of the terminal, where there is one
 * @param parts which parts of an image must be signed, in words
 */
export function logSigning(
  console: Console,
  rows: ResultRows | undefined,
  parts = "",
): MirrorEventSink {
  const log = logPlans(console);
  return (event) => {
    if (event.type !== "image-finished") return log(event);
    if (rows) return logSigningRow(console, rows, event);
    const { image, destination, outcome } = event;
    const extra = { fields: fieldsOf(event, 0) };
    if (outcome.kind === "passed") {
      const what = parts && `: ${parts}`;
      return console.info(
        `PASS: [${destination}] is signed${what}`,
        image,
        extra,
      );
    }
    if (outcome.kind === "up-to-date") {
      return console.info(`Signed already [${destination}]`, image, extra);
    }
    if (outcome.kind !== "failed") return log(event);
    console.error(
      outcome.findings
        ? `FAILED: [${destination}] is not signed`
        : `Failed [${destination}]: ${describeError(outcome.error)}`,
      image,
      extra,
    );
    for (const finding of outcome.findings ?? []) console.error(finding, image);
  };
}

/** A result on a terminal, in one line; the recap has failures in full. */
function logSigningRow(
  console: Console,
  rows: ResultRows,
  event: Finished,
): void {
  const { image, destination, outcome } = event;
  if (outcome.kind !== "passed") return logRow(console, rows, event, 0);
  const row = rows.row("PASS", "good", destination, outcome, 0);
  console.info(row.text, image, row);
}
