/**
 * Which faults are temporary, and how long to wait before the next attempt.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { HangarError } from "../errors.ts";
import {
  discard,
  type RequestObserver,
  type TransportDecorator,
} from "./transport.ts";

/** Options of a {@linkcode Retrier}. */
export interface RetrierOptions {
  /**
   * How often an operation is tried in all.
   *
   * @default {5}
   */
  readonly attempts?: number;
  /**
   * The first wait in ms; each further one is twice as long.
   *
   * @default {500}
   */
  readonly baseDelayMs?: number;
  /**
   * The longest wait of its own accord, in ms.
   *
   * @default {30_000}
   */
  readonly maxDelayMs?: number;
  readonly observer?: RequestObserver;
  /** A number in [0, 1), for jitter. */
  readonly random?: () => number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A longer `Retry-After` than this is a quota, not a hiccup (CONTRACT 10). */
const MAX_RETRY_AFTER_MS = 120_000;

const TEMPORARY_STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Whether a request answered with this status may succeed later. */
export function isTemporaryStatus(status: number): boolean {
  return TEMPORARY_STATUSES.has(status);
}

/**
 * The wait that a `Retry-After` header asks for, in ms: seconds or an HTTP
 * date (RFC 9110, 10.2.3).
 */
export function parseRetryAfter(
  value: string | null,
  now: number,
): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * Tries again what failed for now: exponential backoff with full jitter, and
 * per host the pause that the host asked for, kept by all workers.
 */
export class Retrier {
  readonly #options: RetrierOptions;
  readonly #pausedUntil = new Map<string, number>();
  readonly #attempts: number;
  readonly #now: () => number;

  constructor(options: RetrierOptions = {}) {
    this.#options = options;
    this.#attempts = Math.max(1, options.attempts ?? 5);
    this.#now = options.now ?? Date.now;
  }

  /** Retries requests that can be sent again. */
  readonly decorate: TransportDecorator = (next) => async (request) => {
    const { url, signal, method } = request;
    const replayable = !(request.body instanceof ReadableStream);
    for (let attempt = 1;; attempt++) {
      await this.#honourPause(url.host, signal);
      const last = !replayable || attempt >= this.#attempts;
      let reason: unknown;
      let retryAfter: number | undefined;
      try {
        const response = await next(request);
        if (!isTemporaryStatus(response.status)) return response;
        retryAfter = parseRetryAfter(
          response.headers.get("retry-after"),
          this.#now(),
        );
        if (last || (retryAfter ?? 0) > MAX_RETRY_AFTER_MS) return response;
        await discard(response);
        reason = response.status;
      } catch (error) {
        if (last || !isTemporary(error) || signal?.aborted) throw error;
        reason = error;
      }
      const wait = this.#wait(attempt, retryAfter);
      if (retryAfter !== undefined) {
        this.#pausedUntil.set(url.host, this.#now() + wait);
      }
      this.#options.observer?.onRetry?.(method, url, wait, reason);
      await this.#sleep(wait, signal);
    }
  };

  /** Runs an operation again as long as it fails for temporary reasons. */
  async run<T>(operation: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        return await operation();
      } catch (error) {
        if (
          attempt >= this.#attempts || !isTemporary(error) || signal?.aborted ||
          (error.retryAfter ?? 0) > MAX_RETRY_AFTER_MS
        ) {
          throw error;
        }
        await this.#sleep(this.#wait(attempt, error.retryAfter), signal);
      }
    }
  }

  #wait(attempt: number, retryAfter: number | undefined): number {
    const { baseDelayMs = 500, maxDelayMs = 30_000, random = Math.random } =
      this.#options;
    const longest = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
    return Math.max(retryAfter ?? 0, longest * (0.5 + random() / 2));
  }

  async #honourPause(host: string, signal?: AbortSignal): Promise<void> {
    const until = this.#pausedUntil.get(host);
    if (until === undefined) return;
    const wait = until - this.#now();
    if (wait > 0) await this.#sleep(wait, signal);
    else this.#pausedUntil.delete(host);
  }

  async #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await delay(ms, { signal }).catch((error) => {
      throw signal?.aborted ? signal.reason : error;
    });
  }
}

function isTemporary(error: unknown): error is HangarError {
  return error instanceof HangarError && error.temporary;
}
