/**
 * Events of a run as log lines: of a mirror, a dry run, a validation, a signing.
 *
 * @module
 */

import { counted, countedAttachments } from "../counted.ts";
import { describeError } from "../errors.ts";
import type {
  MirrorEvent,
  MirrorEventSink,
  MirrorOutcome,
} from "../mirror/events.ts";
import type { Console } from "./console.ts";
import { formatBytes, formatDuration } from "./format.ts";

/** Writes the events of a run as log lines. */
export function logEvents(console: Console): MirrorEventSink {
  return (event) => {
    switch (event.type) {
      case "image-started":
        return console.info(
          `Copying [${event.sources.join(", ")}] => [${event.destination}]`,
          event.image,
        );
      case "image-finished":
        return logOutcome(console, event);
      case "warning":
        return console.warn(event.message, event.image);
      case "note":
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
      case "blob-bytes":
      case "blob-resent":
      case "blob-waits":
      case "phase":
      case "request":
      case "attachment":
        return;
    }
  };
}

function logOutcome(
  console: Console,
  event: MirrorEvent & { type: "image-finished" },
): void {
  const { image, destination, outcome } = event;
  const source = event.sources.join(", ");
  const took = formatDuration(outcome.durationMs);
  switch (outcome.kind) {
    case "copied":
      return console.info(
        `Copied [${destination}] ${outcome.digest} (${took})`,
        image,
      );
    case "planned":
      return console.result(
        `Would copy [${destination}] ${outcome.digest}${planText(outcome)}`,
        image,
      );
    case "passed":
      return console.info(passText(source, destination, outcome), image);
    case "signed":
      return console.info(`Signed [${destination}] (${took})`, image);
    case "up-to-date":
      return console.info(
        `Up to date [${destination}]${
          outcome.attachments
            ? `, but for ${countedAttachments(outcome.attachments)}`
            : ""
        }`,
        image,
      );
    case "present":
      return console.info(`There already [${destination}]`, image);
    case "skipped":
      return console.info(`Skipped [${source}]`, image);
    case "failed":
      return console.error(
        `Failed [${source}] => [${destination}]: ${
          describeError(outcome.error)
        }`,
        image,
      );
    case "interrupted":
      return console.warn(
        `Interrupted [${source}] => [${destination}]`,
        image,
      );
  }
}

/** `==` means equal digests. */
function passText(
  source: string,
  destination: string,
  { digest, sourceDigests, merge, sparse }: MirrorOutcome,
): string {
  const isEqual = merge === undefined && digest !== undefined &&
    sourceDigests?.includes(digest);
  if (!merge) {
    return `PASS: [${source}] ${isEqual ? "==" : "~"} [${destination}]${
      digest === undefined
        ? ": its tag is there"
        : sparse
        ? `: ${sparse.selected.length} of ${
          counted(sparse.available, "platform")
        } there (${sparse.selected.join(", ")})`
        : ""
    }`;
  }
  const { selected, available, kept } = merge;
  return [
    `PASS: [${source}] ~ [${destination}]: ${selected.length} of ${
      counted(available, "platform")
    } selected (${selected.join(", ")})`,
    ...kept.length > 0
      ? [
        `${kept.length} kept (${
          kept.map(({ platform, digest }) =>
            platform === undefined ? digest : `${platform} ${digest}`
          ).join(", ")
        })`,
      ]
      : [],
  ].join(", ");
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
    if (event.type !== "image-started") log(event);
  };
}

/** Writes the events of a validation: its verdicts are the log. */
export function logVerdicts(console: Console): MirrorEventSink {
  const log = logEvents(console);
  return (event) => {
    if (event.type === "image-started") return;
    if (
      event.type !== "image-finished" || event.outcome.kind !== "failed"
    ) {
      return log(event);
    }
    const { image, sources, destination, outcome } = event;
    console.error(`FAILED: [${sources.join(", ")}] != [${destination}]`, image);
    const findings = outcome.findings ?? [describeError(outcome.error)];
    for (const finding of findings) console.error(finding, image);
  };
}

/** Writes the events of `sign` and `sign validate`. */
export function logSigning(console: Console, parts = ""): MirrorEventSink {
  const log = logEvents(console);
  return (event) => {
    if (event.type === "image-started") return;
    if (event.type !== "image-finished") return log(event);
    const { image, destination, outcome } = event;
    if (outcome.kind === "passed") {
      const what = parts && `: ${parts}`;
      return console.info(`PASS: [${destination}] is signed${what}`, image);
    }
    if (outcome.kind === "up-to-date") {
      return console.info(`Signed already [${destination}]`, image);
    }
    if (outcome.kind !== "failed") return log(event);
    console.error(
      outcome.findings
        ? `FAILED: [${destination}] is not signed`
        : `Failed [${destination}]: ${describeError(outcome.error)}`,
      image,
    );
    for (const finding of outcome.findings ?? []) console.error(finding, image);
  };
}
