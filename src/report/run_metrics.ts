/**
 * What a run counts for Prometheus, from its events.
 *
 * @module
 */

import {
  imageKey,
  type MirrorEventSink,
  type MirrorTotals,
} from "../mirror/events.ts";

/** What tells the metrics of one run from those of another. */
export interface MetricLabels {
  /** `mirror`, `mirror validate`, `sign` or `sign validate`. */
  readonly command: string;
  /** The name of the list. */
  readonly list: string;
  /** `3/8`; undefined for the whole list. */
  readonly shard?: string;
}

/** What was done at one registry. */
export interface RegistryCount {
  requests: number;
  retries: number;
  /** Blob bytes sent to it, those of broken attempts included. */
  sentBytes: number;
}

/** The metrics of a run, so far or at its end. */
export interface RunMetrics {
  readonly labels: MetricLabels;
  /** The version of hangar. */
  readonly version: string;
  /** Seconds since the epoch. */
  readonly startedAt: number;
  /** How long it has taken, in seconds. */
  readonly duration: number;
  /** Images in the list, or in the part of it that is taken. */
  readonly images: number;
  /** Whether all was done well; undefined while it runs. */
  readonly success?: boolean;
  /** When such a run last ended well, in seconds since the epoch. */
  readonly lastSuccess?: number;
  readonly totals: MirrorTotals;
  /** By `host[:port]`. */
  readonly registries: ReadonlyMap<string, RegistryCount>;
}

/**
 * How many registries have a label of their own. Registries send clients to
 * other hosts, and each new label is a new time series.
 */
export const MAX_REGISTRIES = 40;

/** The label of all further registries. */
export const OTHER_REGISTRIES = "other";

/** Counts what is done at each registry. */
export class RegistryCounts {
  readonly #counts = new Map<string, RegistryCount>();
  /** The destinations of the images under way. */
  readonly #destinations = new Map<string, string>();

  /** By `host[:port]`. */
  get registries(): ReadonlyMap<string, RegistryCount> {
    return this.#counts;
  }

  /** Takes an event. */
  readonly sink: MirrorEventSink = (event) => {
    switch (event.type) {
      case "request":
        this.#of(event.host).requests++;
        return;
      case "retry":
        if (event.host !== undefined) this.#of(event.host).retries++;
        return;
      case "image-started":
        this.#destinations.set(imageKey(event), registryOf(event.destination));
        return;
      case "image-finished":
        this.#destinations.delete(imageKey(event));
        return;
      case "blob-bytes": {
        const registry = this.#destinations.get(imageKey(event));
        if (registry !== undefined) this.#of(registry).sentBytes += event.bytes;
      }
    }
  };

  #of(host: string): RegistryCount {
    const isKnown = this.#counts.has(host) ||
      this.#counts.size < MAX_REGISTRIES;
    const label = isKnown ? host : OTHER_REGISTRIES;
    let count = this.#counts.get(label);
    if (!count) {
      count = { requests: 0, retries: 0, sentBytes: 0 };
      this.#counts.set(label, count);
    }
    return count;
  }
}

function registryOf(reference: string): string {
  return reference.slice(0, reference.indexOf("/"));
}
