/**
 * Shows the progress of a command on a list.
 *
 * @module
 */

import type { MirrorEventSink } from "../mirror/events.ts";
import type { LiveDisplay } from "../report/live_display.ts";
import type { Progress } from "../report/progress.ts";
import type { LogOptions } from "./log_console.ts";
import type { LogOutput } from "./process.ts";

/** `--progress` */
export type ProgressMode = "auto" | "plain" | "none";

const FRAME_MS = 100;
const PLAIN_MS = 10_000;

/** The display, if there is one; log lines go above it. */
export class ListProgress implements Disposable {
  readonly #mode: "live" | "plain" | "none";
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
  }

  /** Writes log lines. */
  readonly write = (text: string): void => {
    if (this.#display) this.#display.log(text);
    else this.#output.stderr(text);
  };

  /** Takes an event. */
  readonly sink: MirrorEventSink = (event) => this.#progress?.sink(event);

  /**
   * Begins, with the number of images.
   *
   * @param tell writes a log line
   */
  async start(images: number, tell: (message: string) => void): Promise<void> {
    if (this.#mode === "none") return;
    const { Progress } = await import("../report/progress.ts");
    const progress = new Progress(images);
    this.#progress = progress;
    if (this.#mode === "plain") {
      this.#timer = setInterval(() => tell(progress.line()), PLAIN_MS);
      return;
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
      display.paint(progress.frame(columns, rows));
    }, FRAME_MS);
  }

  /** Removes the display. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#display?.clear();
    this.#display = undefined;
  }
}
