/**
 * Gives up on a host when everything has failed there for a while. Otherwise
 * each image would wait for a quota that lasts hours, and the run would take
 * days.
 *
 * @module
 */

import { QUOTA_MS } from "../../attempts.ts";
import { describeError, HangarError } from "../../errors.ts";

/** How many images in a row must have failed at a host. */
const FAILED_IMAGES = 3;
/** For how long everything must have failed there, in ms. */
const FAILING_MS = 60_000;

interface Failing {
  readonly since: number;
  readonly images: number;
}

/** What is known of the hosts of a run. */
export class HostBrake {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly #failing = new Map<string, Failing>();
  readonly #reasons = new Map<string, HangarError>();

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  /** Why nothing more is tried at one of some hosts; undefined to go on. */
  reasonFor(hosts: readonly string[]): HangarError | undefined {
    return hosts.map((host) => this.#reasons.get(host))
      .find((reason) => reason !== undefined);
  }

  /** A request succeeded, so the host is not down. */
  answered(host: string): void {
    this.#failing.delete(host);
  }

  /**
   * Notes how an image ended.
   *
   * @param hosts the hosts of its source and destination
   * @param since when work on it began, in ms since the epoch
   */
  note(hosts: readonly string[], since: number, error?: unknown): void {
    const host = error instanceof HangarError ? error.host : undefined;
    if (
      !(error instanceof HangarError) || !error.temporary ||
      host === undefined || !hosts.includes(host)
    ) {
      // The image succeeded, or failed for another reason than its hosts.
      if (error === undefined) {
        for (const one of hosts) this.#failing.delete(one);
      }
      return;
    }
    if ((error.retryAfter ?? 0) > QUOTA_MS) {
      const minutes = Math.ceil(error.retryAfter! / 60_000);
      return this.#giveUp(
        host,
        error,
        `asks to wait for ${minutes} minutes`,
      );
    }
    const known = this.#failing.get(host);
    const failing = {
      since: known?.since ?? since,
      images: (known?.images ?? 0) + 1,
    };
    this.#failing.set(host, failing);
    if (
      failing.images >= FAILED_IMAGES &&
      this.now() - failing.since >= FAILING_MS
    ) {
      this.#giveUp(
        host,
        error,
        `has failed ${failing.images} images in a row`,
      );
    }
  }

  #giveUp(host: string, error: HangarError, why: string): void {
    if (this.#reasons.has(host)) return;
    this.#reasons.set(
      host,
      new HangarError(
        error.code,
        `${host} ${why}, so nothing more is tried there: ${
          describeError(error)
        }`,
        {
          cause: error,
          status: error.status,
          hint: "pass the failed list back later",
        },
      ),
    );
  }
}
