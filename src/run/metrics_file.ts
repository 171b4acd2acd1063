/**
 * The metrics of a run in a file, every few seconds and at its end.
 *
 * @module
 */

import { describeError } from "../errors.ts";
import { fileError } from "../machine/file_error.ts";
import { readSmallFile } from "../machine/read_input.ts";
import { replaceFile } from "../machine/replace_file.ts";
import type { MirrorTotals } from "../mirror/events.ts";
import type {
  MetricLabels,
  RegistryCounts,
  RunMetrics,
} from "../report/run_metrics.ts";
import { VERSION } from "../version.ts";
import { ExitCode } from "./exit_code.ts";

const PERIOD_MS = 10_000;

/** An earlier file may be anything: of a larger one, nothing is kept. */
const MAX_EARLIER_BYTES = 1024 * 1024;

/** What the metrics are made from. */
export interface MetricsOptions {
  readonly path: string;
  readonly labels: MetricLabels;
  readonly startedAt: Date;
  /** Images of the run. */
  readonly images: number;
  readonly totals: () => MirrorTotals;
  readonly counts: RegistryCounts;
  readonly warn: (message: string) => void;
  readonly error: (message: string) => void;
}

/** Writes the file until the run has ended. */
export class MetricsFile implements AsyncDisposable {
  readonly #options: MetricsOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  /** From the earlier file, or of this run. */
  #lastSuccess: number | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasWarned = false;
  #hasEnded = false;

  private constructor(options: MetricsOptions, lastSuccess?: number) {
    this.#options = options;
    this.#lastSuccess = lastSuccess;
    this.#timer = setInterval(() => this.#update(), PERIOD_MS);
  }

  /** Begins to write the file; keeps what the earlier one says of a success. */
  static async open(options: MetricsOptions): Promise<MetricsFile> {
    const { path, labels } = options;
    const earlier = await readSmallFile(path, MAX_EARLIER_BYTES);
    const { lastSuccessIn } = await import("../report/metrics_text.ts");
    return new MetricsFile(
      options,
      earlier === undefined ? undefined : await lastSuccessIn(earlier, labels),
    );
  }

  /** Writes the file for the last time; gives the exit code. */
  async end(exitCode: number): Promise<number> {
    this.#hasEnded = true;
    clearInterval(this.#timer);
    const success = exitCode === ExitCode.done;
    if (success) this.#lastSuccess = Math.floor(Date.now() / 1000);
    await this.#writing;
    try {
      await this.#write(success);
      return exitCode;
    } catch (error) {
      this.#options.error(describeError(error));
      return success ? ExitCode.someFailed : exitCode;
    }
  }

  /** A run that ends with an error has not ended well. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) await this.end(ExitCode.someFailed);
  }

  #update(): void {
    this.#writing = this.#writing.then(() => this.#write()).catch((error) => {
      if (!this.#hasWarned) this.#options.warn(describeError(error));
      this.#hasWarned = true;
    });
  }

  async #write(success?: boolean): Promise<void> {
    const { path } = this.#options;
    const { metricsText } = await import("../report/metrics_text.ts");
    const text = await metricsText(this.#metrics(success));
    try {
      await replaceFile(path, [text]);
    } catch (cause) {
      throw fileError("write", `the metrics ${path}`, cause);
    }
  }

  #metrics(success: boolean | undefined): RunMetrics {
    const { labels, startedAt, images, totals, counts } = this.#options;
    return {
      labels,
      version: VERSION,
      startedAt: startedAt.getTime() / 1000,
      duration: (Date.now() - startedAt.getTime()) / 1000,
      images,
      success,
      lastSuccess: this.#lastSuccess,
      totals: totals(),
      registries: counts.registries,
    };
  }
}
