/**
 * What the log says of a run that makes a receipt.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import type { MirrorEventSink, MirrorTotals } from "../mirror/events.ts";
import type { Console, Lead } from "./console.ts";
import { formatDuration } from "./format.ts";
import { type Finished, logEvents, logRow } from "./log_events.ts";
import type { ResultRows } from "./result_rows.ts";

/**
 * Writes the events of `receipt`: one line for each image.
 *
 * @param rows the columns of the terminal, where there is one
 */
export function logHoldings(
  console: Console,
  rows?: ResultRows,
): MirrorEventSink {
  const log = logEvents(console);
  return (event) => {
    if (event.type === "image-started") return;
    if (event.type !== "image-finished") return log(event);
    const { image, destination, outcome } = event;
    if (rows) return logHoldingRow(console, rows, event);
    switch (outcome.kind) {
      case "passed":
        return console.info(`Held [${destination}] ${outcome.digest}`, image);
      case "skipped":
        return console.info(`Not there yet [${destination}]`, image);
      case "failed":
        console.error(
          `Failed [${destination}]${
            outcome.findings
              ? ": it is damaged there"
              : `: ${describeError(outcome.error)}`
          }`,
          image,
        );
        for (const finding of outcome.findings ?? []) {
          console.error(finding, image);
        }
        return;
      default:
        return log(event);
    }
  };
}

/** What is held of an image, on a terminal, in one line. */
function logHoldingRow(
  console: Console,
  rows: ResultRows,
  event: Finished,
): void {
  const { image, destination, outcome } = event;
  const found: readonly [string, Lead["tone"]] | undefined =
    outcome.kind === "passed"
      ? ["held", "good"]
      : outcome.kind === "skipped"
      ? ["not there", "warn"]
      : undefined;
  if (!found) return logRow(console, rows, event, 0);
  const row = rows.row(...found, destination, outcome, 0);
  console.info(row.text, image, row);
}

/** The summary that ends the run. */
export function receiptLine(totals: MirrorTotals): string {
  return [
    `Done: ${totals.passed} held`,
    `${totals.skipped} not there yet`,
    `${totals.failed} failed`,
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    formatDuration(totals.durationMs),
  ].join(", ");
}
