/**
 * Shows the progress of a command on a list.
 *
 * @module
 */

import { counted } from "../counted.ts";
import type { MirrorEventSink } from "../mirror/events.ts";
import type { LiveDisplay } from "../report/live_display.ts";
import type { Progress } from "../report/progress.ts";
import { ResultRows } from "../report/result_rows.ts";
import { ShownNames } from "../report/shared_names.ts";
import type { LogOptions } from "./log_console.ts";
import type { LogOutput } from "./process.ts";

/** `--progress` */
export type ProgressMode = "auto" | "plain" | "none";

const FRAME_MS = 100;
const PLAIN_MS = 10_000;

/** An image of the run, as it is shown. */
export interface ShownImage {
  /** The `[IMG:n]` ordinal. */
  readonly id: number;
  /** Its destination, in full. */
  readonly destination: string;
}

/** The display, if there is one; log lines go above it. */
export class ListProgress implements Disposable {
  readonly #mode: "live" | "plain" | "none";
  /** The columns of results, where there is a display. */
  readonly rows?: ResultRows;
  readonly #output: LogOutput;
  #display?: LiveDisplay;
  #progress?: Progress;
  #timer?: ReturnType<typeof setInterval>;

  constructor(
    mode: ProgressMode,
    { debug, logFormat }: LogOptions,
    output: LogOutput,
  ) {
    const canPaint = output.terminalSize !== undefined && !debug &&
      logFormat === "text";
    this.#mode = mode === "auto" ? canPaint ? "live" : "plain" : mode;
    this.#output = output;
    if (this.#mode === "live") {
      this.rows = new ResultRows(() => output.terminalSize!().columns);
    }
  }

  /** Writes log lines. */
  readonly write = (text: string): void => {
    if (this.#display) this.#display.log(text);
    else this.#output.stderr(text);
  };

  /** Takes an event. */
  readonly sink: MirrorEventSink = (event) => this.#progress?.sink(event);

  /**
   * Begins, with the images of the run.
   *
   * @param tell writes a log line
   */
  async start(
    images: readonly ShownImage[],
    tell: (message: string) => void,
  ): Promise<void> {
    if (this.#mode === "none") return;
    const { Progress } = await import("../report/progress.ts");
    if (this.#mode === "plain") {
      const progress = new Progress({ images: images.length });
      this.#progress = progress;
      this.#timer = setInterval(() => tell(progress.line()), PLAIN_MS);
      return;
    }
    const names = new ShownNames(images.map(({ destination }) => destination));
    const last = images.reduce((most, { id }) => Math.max(most, id), 0);
    this.rows!.begin(names, last);
    const progress = new Progress({ images: images.length, names, last });
    this.#progress = progress;
    if (names.prefix) {
      tell(`${counted(images.length, "image")} to ${names.prefix}…`);
    }
    const { LiveDisplay } = await import("../report/live_display.ts");
    const size = this.#output.terminalSize!;
    const display = new LiveDisplay({
      write: (text) => this.#output.stderr(text),
      size,
    });
    this.#display = display;
    this.#timer = setInterval(() => {
      const { columns, rows } = size();
      const { color } = this.#output;
      display.paint(progress.frame(columns, rows, { color }));
    }, FRAME_MS);
  }

  /** Removes the display. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#display?.clear();
    this.#display = undefined;
  }
}
