/**
 * The events of a run on a list, and their readers: log, display, totals,
 * report.
 *
 * @module
 */

import type { MirrorEventSink } from "../mirror/events.ts";
import { currentImage } from "../mirror/pool/current_image.ts";
import type { HostBrake } from "../mirror/pool/host_brake.ts";
import type { Console } from "../report/console.ts";
import { ReportCollector } from "../report/json_report.ts";
import { namingDestinations } from "../report/name_destinations.ts";
import type { ResultRows } from "../report/result_rows.ts";
import { RegistryCounts } from "../report/run_metrics.ts";
import { Tally } from "../report/summary.ts";
import { ListProgress, type ProgressMode } from "./list_progress.ts";
import { consoleFor, type LogOptions } from "./log_console.ts";
import type { NetworkLog } from "./network/observe.ts";
import type { LogOutput } from "./process.ts";

/** The readers of a run's events. */
export interface RunLogOptions extends LogOptions {
  /** @default {"none"} */
  readonly progress?: ProgressMode;
  /** Whether a report is collected. */
  readonly withReport: boolean;
  /** Receives every event. */
  readonly onEvent?: MirrorEventSink;
  /** Writes events as log lines. */
  readonly log: LogJob;
}

/**
 * Writes events as log lines.
 *
 * @param rows the columns of a terminal that shows what is under way
 */
export type LogJob = (console: Console, rows?: ResultRows) => MirrorEventSink;

/** Hands each event to all who read it. */
export class RunLog implements Disposable {
  readonly startedAt = new Date();
  readonly console: Console;
  readonly progress: ListProgress;
  readonly tally = new Tally();
  readonly registryCounts = new RegistryCounts();
  /** Undefined where no report is wanted. */
  readonly collector?: ReportCollector;
  readonly #readers: readonly MirrorEventSink[];

  constructor(options: RunLogOptions, output: LogOutput) {
    const { progress = "none", withReport, onEvent, log } = options;
    this.progress = new ListProgress(progress, options, output);
    this.console = consoleFor(options, {
      color: output.color,
      stderr: this.progress.write,
    });
    if (withReport) this.collector = new ReportCollector();
    this.#readers = [
      this.tally.sink,
      this.registryCounts.sink,
      this.progress.sink,
      ...(this.collector ? [this.collector.sink] : []),
      ...(onEvent ? [onEvent] : []),
      namingDestinations(log(this.console, this.progress.rows)),
    ];
  }

  /** Takes an event. */
  readonly emit: MirrorEventSink = (event) => {
    for (const read of this.#readers) read(event);
  };

  /** Takes a warning that belongs to no image. */
  warn(message: string): void {
    this.emit({ type: "warning", message });
  }

  /** Turns what happens on the network into events. */
  networkLog(brake: HostBrake): NetworkLog {
    return {
      debug: (message) =>
        this.emit({ type: "debug", ...currentImage(), message }),
      info: (message) => this.console.info(message),
      warn: (message) => this.warn(message),
      retry: (message, host) =>
        this.emit({ type: "retry", ...currentImage(), host, message }),
      answered: (host) => brake.answered(host),
      request: (host) =>
        this.emit({ type: "request", ...currentImage(), host }),
    };
  }

  /** Removes the display. */
  [Symbol.dispose](): void {
    this.progress[Symbol.dispose]();
  }
}
