/**
 * What the log says of a run that makes a receipt.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import type { MirrorEventSink, MirrorTotals } from "../mirror/events.ts";
import type { Console } from "./console.ts";
import { formatDuration } from "./format.ts";
import { logEvents } from "./log_events.ts";

/** Writes the events of `receipt`: one line for each image. */
export function logHoldings(console: Console): MirrorEventSink {
  const log = logEvents(console);
  return (event) => {
    if (event.type === "image-started") return;
    if (event.type !== "image-finished") return log(event);
    const { image, destination, outcome } = event;
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
