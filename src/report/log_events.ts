/**
 * Events of a run as log lines: of a mirror, a dry run, a validation, a signing.
 *
 * @module
 */

import { counted, countedAttachments } from "../counted.ts";
import { codeOf, describeError } from "../errors.ts";
import {
  imageKey,
  type MirrorEvent,
  type MirrorEventSink,
  type MirrorOutcome,
  type OutcomeKind,
} from "../mirror/events.ts";
import type { Console, Lead, LineExtra } from "./console.ts";
import { formatBytes, formatDuration } from "./format.ts";
import { partOf, PartsLegend } from "./parts_legend.ts";
import { passText } from "./pass_text.ts";
import type { ResultRows } from "./result_rows.ts";

/** What the lines of a result have in JSON; bytes, and a duration in ms. */
export function fieldsOf(
  { sources, destination, outcome }: Finished,
  bytes: number,
): LineExtra["fields"] {
  const { kind, digest, durationMs, error } = outcome;
  return {
    outcome: kind,
    source: sources.join(", "),
    destination,
    digest,
    code: error === undefined ? undefined : codeOf(error),
    bytes,
    duration: Math.round(durationMs),
  };
}

/** The end of an image. */
export type Finished = MirrorEvent & { readonly type: "image-finished" };

/**
 * Writes the events of a run as log lines. On a terminal that is the result of
 * each image; its display shows what is under way. Elsewhere it is the begin of
 * each, and the results that say more: failures, and what was found by the way.
 *
 * @param rows the columns of the terminal, where there is one
 */
export function logEvents(
  console: Console,
  rows?: ResultRows,
): MirrorEventSink {
  const sent = new Map<string, number>();
  const parts = new PartsLegend(console);
  return (event) => {
    switch (event.type) {
      case "image-started": {
        if (rows) return;
        const { image, sources, destination } = event;
        const source = sources.join(", ");
        return console.info(`Copying [${source}] => [${destination}]`, image, {
          fields: { source, destination },
        });
      }
      case "image-finished": {
        const key = imageKey(event);
        const bytes = sent.get(key) ?? 0;
        sent.delete(key);
        if (rows) parts.explain(event.outcome);
        return rows
          ? logRow(console, rows, event, bytes)
          : logOutcome(console, event, bytes, "detail");
      }
      case "blob-bytes": {
        const key = imageKey(event);
        sent.set(key, (sent.get(key) ?? 0) + event.bytes);
        return;
      }
      case "warning":
        return console.warn(event.message, event.image);
      case "note":
        if (rows && event.isInOutcome) return;
        return console.info(event.message, event.image);
      case "debug":
        return console.debug(event.message, event.image);
      case "blob-finished":
        return console.debug(
          `blob ${event.digest} (${counted(event.size, "byte")}): ${event.how}`,
          event.image,
        );
      case "retry":
        return console.warn(event.message, event.image);
      case "blob-started":
      case "blob-resent":
      case "blob-waits":
      case "phase":
      case "request":
      case "attachment":
        return;
    }
  };
}

/** The words for results in columns, and their colours. */
const ROWS: Readonly<
  Partial<Record<OutcomeKind, readonly [string, Lead["tone"]]>>
> = {
  "copied": ["copied", "good"],
  "signed": ["signed", "good"],
  "up-to-date": ["up to date", "dim"],
  "present": ["there", "dim"],
  "skipped": ["skipped", "warn"],
};

/** The result of an image on a terminal, in one line. */
export function logRow(
  console: Console,
  rows: ResultRows,
  event: Finished,
  bytes: number,
): void {
  const { image, destination, outcome } = event;
  const { kind, error, findings } = outcome;
  if (kind === "failed") {
    const reason = findings?.join("; ") ?? describeError(error);
    const row = rows.failure("failed", "bad", destination, image, reason);
    return console.error(row.text, image, row);
  }
  if (kind === "interrupted") {
    const row = rows.failure("interrupted", "warn", destination, image, "");
    return console.warn(row.text, image, row);
  }
  const found = ROWS[kind];
  if (!found) return logOutcome(console, event, bytes, "info");
  const [word, tone] = found;
  const part = kind === "copied" ? partOf(outcome) : "";
  const shown = part ? `${word} ${part}` : word;
  const row = rows.row(shown, tone, destination, outcome, bytes);
  const more = outcome.attachments
    ? `, but for ${countedAttachments(outcome.attachments)}`
    : "";
  console.info(`${row.text}${more}`, image, row);
}

/**
 * The result of an image.
 *
 * @param usual the level of results that say no more than the begin of an image
 */
export function logOutcome(
  console: Console,
  event: Finished,
  bytes: number,
  usual: "detail" | "info",
): void {
  const { image, destination, outcome } = event;
  const source = event.sources.join(", ");
  const took = formatDuration(outcome.durationMs);
  const extra = { fields: fieldsOf(event, bytes) };
  switch (outcome.kind) {
    case "copied":
      return console[usual](
        `Copied [${destination}] ${outcome.digest} (${took})`,
        image,
        extra,
      );
    case "planned":
      return console.result(
        `Would copy [${destination}] ${outcome.digest}${planText(outcome)}`,
        image,
        extra,
      );
    case "passed":
      return console.info(passText(source, destination, outcome), image, extra);
    case "signed":
      return console.info(`Signed [${destination}] (${took})`, image, extra);
    case "up-to-date":
      return outcome.attachments
        ? console.info(
          `Up to date [${destination}], but for ${
            countedAttachments(outcome.attachments)
          }`,
          image,
          extra,
        )
        : console[usual](`Up to date [${destination}]`, image, extra);
    case "present":
      return console[usual](`There already [${destination}]`, image, extra);
    case "skipped":
      return console[usual](`Skipped [${source}]`, image, extra);
    case "failed":
      return console.error(
        `Failed [${source}] => [${destination}]: ${
          describeError(outcome.error)
        }`,
        image,
        extra,
      );
    case "interrupted":
      return console.warn(
        `Interrupted [${source}] => [${destination}]`,
        image,
        extra,
      );
  }
}

function planText({ plan }: MirrorOutcome): string {
  if (!plan) return "";
  const { platforms, send, mount, attachments } = plan;
  return [
    platforms.length > 0 ? ` (${platforms.join(", ")})` : "",
    `: ${counted(send.blobs, "blob")} to send, ${formatBytes(send.bytes)}`,
    mount.blobs > 0
      ? `, ${mount.blobs} to mount, ${formatBytes(mount.bytes)}`
      : "",
    attachments > 0 ? `, ${countedAttachments(attachments)}` : "",
  ].join("");
}

/** Writes the events of a dry run: its plans are the log. */
export function logPlans(console: Console): MirrorEventSink {
  const log = logEvents(console);
  return (event) => {
    if (event.type === "image-started") return;
    if (event.type !== "image-finished") return log(event);
    logOutcome(console, event, 0, "info");
  };
}
