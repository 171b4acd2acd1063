/**
 * The metrics of a run in Prometheus' text format, as a textfile collector reads
 * it. All are gauges: they tell of the last run, and begin anew with each.
 *
 * @module
 */

import { Gauge, Registry } from "prom-client";
import { printable } from "../errors.ts";
import type { MirrorTotals } from "../mirror/events.ts";
import type { MetricLabels, RunMetrics } from "./run_metrics.ts";

const LAST_SUCCESS = "hangar_last_success_timestamp_seconds";

/** The outcomes, and which of the totals counts each. */
const OUTCOMES: Readonly<Record<string, keyof MirrorTotals>> = {
  "copied": "copied",
  "up-to-date": "upToDate",
  "present": "present",
  "skipped": "skipped",
  "passed": "passed",
  "signed": "signed",
  "failed": "failed",
  "interrupted": "interrupted",
};

/** Gauges of one run, which all have its labels. */
class Gauges {
  readonly registry = new Registry();

  constructor({ command, list, shard }: MetricLabels) {
    this.registry.setDefaultLabels({
      command,
      list: printable(list, 200),
      ...shard === undefined ? {} : { shard },
    });
  }

  /** Adds a gauge without a label of its own; none for undefined. */
  add(name: string, help: string, value: number | undefined): void {
    if (value === undefined) return;
    new Gauge({ name, help, registers: [this.registry] }).set(value);
  }

  /** Adds a gauge that has one value for each value of a label. */
  addEach(
    name: string,
    help: string,
    label: string,
    values: Iterable<readonly [string, number]>,
  ): void {
    const gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
    });
    for (const [of, value] of values) gauge.set({ [label]: of }, value);
  }

  addLastSuccess(value: number | undefined): void {
    this.add(
      LAST_SUCCESS,
      "When a run last ended with all images done, in seconds since 1970.",
      value,
    );
  }
}

/** The text. */
export async function metricsText(metrics: RunMetrics): Promise<string> {
  const { totals, success } = metrics;
  const gauges = new Gauges(metrics.labels);
  gauges.addEach(
    "hangar_build_info",
    "The version of hangar; always 1.",
    "version",
    [[metrics.version, 1]],
  );
  gauges.add(
    "hangar_run_start_timestamp_seconds",
    "When the run began, in seconds since 1970.",
    metrics.startedAt,
  );
  gauges.add(
    "hangar_run_duration_seconds",
    "How long the run has taken.",
    metrics.duration,
  );
  gauges.add(
    "hangar_run_in_progress",
    "1 while the run goes on, 0 after its end.",
    success === undefined ? 1 : 0,
  );
  gauges.add(
    "hangar_run_success",
    "1 when all images were done, 0 when not; absent while the run goes on.",
    success === undefined ? undefined : Number(success),
  );
  gauges.addLastSuccess(metrics.lastSuccess);
  gauges.add(
    "hangar_run_images",
    "Images in the list, or in this shard of it.",
    metrics.images,
  );
  gauges.addEach(
    "hangar_images",
    "Images that are done, by outcome; lines that are no image count as failed.",
    "outcome",
    Object.entries(OUTCOMES).map(([outcome, key]) => [outcome, totals[key]]),
  );
  gauges.add(
    "hangar_mounted_bytes",
    "Blob bytes that were mounted instead of sent.",
    totals.bytesMounted,
  );
  gauges.add(
    "hangar_resent_bytes",
    "Blob bytes that had to be sent once more.",
    totals.bytesResent,
  );
  addRegistries(gauges, metrics);
  return await gauges.registry.metrics();
}

function addRegistries(gauges: Gauges, { registries }: RunMetrics): void {
  const each = (
    name: string,
    help: string,
    key: "requests" | "retries" | "sentBytes",
  ) =>
    gauges.addEach(
      name,
      help,
      "registry",
      [...registries].map(([registry, count]) => [registry, count[key]]),
    );
  each("hangar_requests", "Requests, by the host that was asked.", "requests");
  each(
    "hangar_retries",
    "Requests and transfers tried again, by host.",
    "retries",
  );
  each(
    "hangar_sent_bytes",
    "Blob bytes sent, by destination registry.",
    "sentBytes",
  );
}

/**
 * When a run with the same labels last ended well, as an earlier file says.
 *
 * @param text the earlier file, which may be anything
 */
export async function lastSuccessIn(
  text: string,
  labels: MetricLabels,
): Promise<number | undefined> {
  const gauges = new Gauges(labels);
  gauges.addLastSuccess(0);
  const sample = (await gauges.registry.metrics()).split("\n")
    .find((line) => line.startsWith(LAST_SUCCESS))!;
  const start = sample.slice(0, sample.lastIndexOf(" ") + 1);
  const found = text.split("\n").find((line) => line.startsWith(start));
  const value = Number(found?.slice(start.length) || NaN);
  return value > 0 && Number.isFinite(value) ? value : undefined;
}
