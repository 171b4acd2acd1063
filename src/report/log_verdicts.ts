/**
 * The log of a validation: its verdicts.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import type { MirrorEventSink } from "../mirror/events.ts";
import type { Console } from "./console.ts";
import { fieldsOf, type Finished, logPlans, logRow } from "./log_events.ts";
import { PartsLegend } from "./parts_legend.ts";
import { passWord } from "./pass_text.ts";
import type { ResultRows } from "./result_rows.ts";

/**
 * Writes the events of a validation.
 *
 * @param rows the columns of the terminal, where there is one
 */
export function logVerdicts(
  console: Console,
  rows?: ResultRows,
): MirrorEventSink {
  const log = logPlans(console);
  const parts = new PartsLegend(console);
  return (event) => {
    if (event.type !== "image-finished") return log(event);
    if (rows) {
      parts.explain(event.outcome);
      return logVerdictRow(console, rows, event);
    }
    if (event.outcome.kind !== "failed") return log(event);
    const { image, sources, destination, outcome } = event;
    console.error(
      `FAILED: [${sources.join(", ")}] != [${destination}]`,
      image,
      { fields: fieldsOf(event, 0) },
    );
    const findings = outcome.findings ?? [describeError(outcome.error)];
    for (const finding of findings) console.error(finding, image);
  };
}

/** A verdict on a terminal, in one line; the recap has failures in full. */
function logVerdictRow(
  console: Console,
  rows: ResultRows,
  event: Finished,
): void {
  const { image, destination, outcome } = event;
  if (outcome.kind !== "passed") return logRow(console, rows, event, 0);
  const row = rows.row(passWord(outcome), "good", destination, outcome, 0);
  console.info(row.text, image, row);
}
