/**
 * Log lines: `[17:00:00] [INFO] [IMG:1] Copying […] => […]`.
 *
 * @module
 */

import { printable, printableJson } from "../errors.ts";

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
   * Whether INFO lines are left out, but for results.
   *
   * @default {false}
   */
  readonly quiet?: boolean;
  /**
   * Lines for people, or one JSON object a line.
   *
   * @default {"text"}
   */
  readonly format?: LogFormat;
  /**
   * Whether lines have no time.
   *
   * @default {false}
   */
  readonly hideTime?: boolean;
  readonly now?: () => Date;
}

/** The format of log lines. */
export type LogFormat = "text" | "json";

type Level = "DEBU" | "INFO" | "WARN" | "ERRO";

/** A word before a message, in a column of its own. */
export interface Lead {
  readonly word: string;
  readonly tone: "good" | "bad" | "warn" | "dim";
  /** Blanks before it. */
  readonly indent: number;
  /** The width of its column. */
  readonly width: number;
}

/** What a line has besides its message. */
export interface LineExtra {
  /** For lines that are JSON; what is undefined is left out. */
  readonly fields?: Readonly<Record<string, string | number | undefined>>;
  /** For lines that are text. */
  readonly lead?: Lead;
}

const TONES: Readonly<Record<Lead["tone"], number>> = {
  good: 32,
  bad: 31,
  warn: 33,
  dim: 90,
};

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

  /**
   * What people need only to find faults, but programs always: an INFO line in
   * JSON, and a DEBU line in text.
   */
  detail(message: string, image?: number, extra?: LineExtra): void {
    if (this.#options.format === "json") this.info(message, image, extra);
    else this.debug(message, image);
  }

  /** Not with `quiet`. */
  info(message: string, image?: number, extra?: LineExtra): void {
    if (!this.#options.quiet) this.#line("INFO", message, image, extra);
  }

  /** What the user asked for, as an INFO line. */
  result(message: string, image?: number, extra?: LineExtra): void {
    this.#line("INFO", message, image, extra);
  }

  warn(message: string, image?: number, extra?: LineExtra): void {
    this.#line("WARN", message, image, extra);
  }

  error(message: string, image?: number, extra?: LineExtra): void {
    this.#line("ERRO", message, image, extra);
  }

  #line(
    level: Level,
    message: string,
    image?: number,
    { fields, lead }: LineExtra = {},
  ): void {
    const { hideTime } = this.#options;
    const now = this.#options.now?.() ?? new Date();
    if (this.#options.format === "json") {
      const line = {
        time: hideTime ? undefined : now.toISOString(),
        level: NAMES[level],
        image,
        message: printable(message, MAX_LINE),
        ...fields,
      };
      return this.#write(`${printableJson(line)}\n`);
    }
    const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
      .map((n) => String(n).padStart(2, "0")).join(":");
    const label = this.#options.color
      ? `\x1b[${COLORS[level]}m${level}\x1b[0m`
      : level;
    const where = image === undefined ? "" : `[IMG:${image}] `;
    this.#write(
      `${hideTime ? "" : `[${time}] `}[${label}] ${where}${
        this.#leadText(lead)
      }${printable(message, MAX_LINE)}\n`,
    );
  }

  #leadText(lead: Lead | undefined): string {
    if (!lead) return "";
    const { word, tone, indent, width } = lead;
    const shown = this.#options.color
      ? `\x1b[${TONES[tone]}m${word}\x1b[0m`
      : word;
    const rest = Math.max(1, width - word.length);
    return `${" ".repeat(indent)}${shown}${" ".repeat(rest)}`;
  }
}
