/**
 * Log lines: `[17:00:00] [INFO] [IMG:1] Copying […] => […]`.
 *
 * @module
 */

import { describeError, printable } from "../errors.ts";
import type {
  MirrorEvent,
  MirrorEventSink,
  MirrorOutcome,
} from "../mirror/events.ts";
import { formatBytes, formatDuration } from "./format.ts";

/** Options of a {@linkcode Console}. */
export interface ConsoleOptions {
  /** @default {false} */
  readonly color?: boolean;
  /**
   * Whether DEBU lines are written.
   *
   * @default {false}
   */
  readonly debug?: boolean;
  /**
   * Lines for people, or an object of JSON for each.
   *
   * @default {"text"}
   */
  readonly format?: LogFormat;
  readonly now?: () => Date;
}

/** How log lines are written. */
export type LogFormat = "text" | "json";

type Level = "DEBU" | "INFO" | "WARN" | "ERRO";

const COLORS: Readonly<Record<Level, number>> = {
  DEBU: 90,
  INFO: 36,
  WARN: 33,
  ERRO: 31,
};

/** The levels' names in JSON. */
const NAMES: Readonly<Record<Level, string>> = {
  DEBU: "debug",
  INFO: "info",
  WARN: "warn",
  ERRO: "error",
};

const MAX_LINE = 4000;

/** Writes log lines. */
export class Console {
  readonly #write: (text: string) => void;
  readonly #options: ConsoleOptions;

  constructor(write: (text: string) => void, options: ConsoleOptions = {}) {
    this.#write = write;
    this.#options = options;
  }

  /** Only with `debug`. */
  debug(message: string, image?: number): void {
    if (this.#options.debug) this.#line("DEBU", message, image);
  }

  info(message: string, image?: number): void {
    this.#line("INFO", message, image);
  }

  warn(message: string, image?: number): void {
    this.#line("WARN", message, image);
  }

  error(message: string, image?: number): void {
    this.#line("ERRO", message, image);
  }

  #line(level: Level, message: string, image?: number): void {
    const now = this.#options.now?.() ?? new Date();
    if (this.#options.format === "json") {
      const line = {
        time: now.toISOString(),
        level: NAMES[level],
        image,
        message: printable(message, MAX_LINE),
      };
      return this.#write(`${JSON.stringify(line)}\n`);
    }
    const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
      .map((n) => String(n).padStart(2, "0")).join(":");
    const label = this.#options.color
      ? `\x1b[${COLORS[level]}m${level}\x1b[0m`
      : level;
    const where = image === undefined ? "" : `[IMG:${image}] `;
    this.#write(
      `[${time}] [${label}] ${where}${printable(message, MAX_LINE)}\n`,
    );
  }
}

/** A reader of the event stream that writes it as log lines. */
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
          `blob ${event.digest} (${event.size} bytes): ${event.how}`,
          event.image,
        );
      case "retry":
        return console.warn(event.message, event.image);
      case "blob-started":
      case "blob-bytes":
      case "blob-resent":
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
      return console.info(
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
            ? `, but for ${outcome.attachments} signatures and referrers`
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

/** `==` is said of equal digests alone. */
function passText(
  source: string,
  destination: string,
  { digest, sourceDigests, merge }: MirrorOutcome,
): string {
  const isEqual = merge === undefined && digest !== undefined &&
    sourceDigests?.includes(digest);
  if (!merge) {
    return `PASS: [${source}] ${isEqual ? "==" : "~"} [${destination}]${
      digest === undefined ? ": its tag is there" : ""
    }`;
  }
  const { selected, available, kept } = merge;
  return [
    `PASS: [${source}] ~ [${destination}]: ${selected.length} of ${available} platforms selected (${
      selected.join(", ")
    })`,
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
    `: ${send.blobs} blobs to send, ${formatBytes(send.bytes)}`,
    mount.blobs > 0
      ? `, ${mount.blobs} to mount, ${formatBytes(mount.bytes)}`
      : "",
    attachments > 0 ? `, ${attachments} signatures and referrers` : "",
  ].join("");
}

/** The same for a dry run, where the plans are the log. */
export function logPlans(console: Console): MirrorEventSink {
  const log = logEvents(console);
  return (event) => {
    if (event.type !== "image-started") log(event);
  };
}

/** The same for a validation, where the verdicts are the log. */
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

/** The same for signing, or checking the signatures of, images in place. */
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
