/**
 * Log lines: `[17:00:00] [INFO] [IMG:1] Copying […] => […]`.
 *
 * @module
 */

import { printable } from "../errors.ts";

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
  readonly now?: () => Date;
}

/** The format of log lines. */
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

  /** Not with `quiet`. */
  info(message: string, image?: number): void {
    if (!this.#options.quiet) this.#line("INFO", message, image);
  }

  /** What the user asked for, as an INFO line. */
  result(message: string, image?: number): void {
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
