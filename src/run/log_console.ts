/**
 * The log of a command.
 *
 * @module
 */

import { Console, type LogFormat } from "../report/console.ts";
import type { LogOutput } from "./process.ts";

/** How log lines are written. */
export interface LogOptions {
  /** Whether requests and other details for finding faults are logged. */
  readonly debug: boolean;
  readonly logFormat: LogFormat;
  /** Whether only warnings, errors and results are logged. @default {false} */
  readonly quiet?: boolean;
  /** Whether log lines have no time. @default {false} */
  readonly hideTime?: boolean;
}

/** The log, as the options ask for it. */
export function consoleFor(
  { debug, logFormat, quiet, hideTime }: LogOptions,
  { stderr, color }: Pick<LogOutput, "stderr" | "color">,
): Console {
  return new Console((text) => stderr(text), {
    color,
    debug,
    quiet,
    hideTime,
    format: logFormat,
  });
}
