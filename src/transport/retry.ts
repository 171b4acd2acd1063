/**
 * Which faults are temporary, and how long to wait before the next attempt.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { HangarError } from "../errors.ts";
import { redactUrl } from "./fault.ts";
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

/** Decides about further attempts of an operation; see {@linkcode Retrier.attempts}. */
export interface OperationAttempts {
  /** Waits before the next attempt, or throws the error. */
  failed(error: unknown, signal?: AbortSignal): Promise<void>;
  /** Something was achieved: the count begins anew. */
  progressed(): void;
}

/** A longer `Retry-After` than this is a quota, not a hiccup (CONTRACT 10). */
const MAX_RETRY_AFTER_MS = 120_000;

/** Statuses that are about the host as a whole. */
const SLOW_DOWN = new Set([429, 503]);

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
  const date = Date.parse(value.slice(0, 100));
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

  /**
   * Retries requests that can be sent again, except those of a transfer, which
   * is tried again as a whole.
   */
  readonly decorate: TransportDecorator = (next) => async (request) => {
    const { url, signal, method } = request;
    const isOnce = request.inTransfer === true ||
      request.body instanceof ReadableStream;
    for (let attempt = 1;; attempt++) {
      await this.#honourPause(url.host, signal);
      const last = isOnce || attempt >= this.#attempts;
      let reason: unknown;
      let wait = this.#wait(attempt, undefined);
      try {
        const response = await next(request);
        if (!isTemporaryStatus(response.status)) return response;
        const retryAfter = parseRetryAfter(
          response.headers.get("retry-after"),
          this.#now(),
        );
        wait = Math.max(wait, retryAfter ?? 0);
        const isQuota = (retryAfter ?? 0) > MAX_RETRY_AFTER_MS;
        // One that is told to slow down slows down everybody at that host.
        if (!isQuota && SLOW_DOWN.has(response.status)) {
          this.#pause(url.host, wait);
        }
        if (last || isQuota) return response;
        await discard(response);
        reason = response.status;
      } catch (error) {
        if (last || !isTemporary(error) || signal?.aborted) throw error;
        reason = error;
      }
      request.onRetry?.();
      this.#options.observer?.onRetry?.(
        `${method} ${redactUrl(url)}`,
        wait,
        reason,
      );
      await this.#sleep(wait, signal);
    }
  };

  /** The attempts of one operation that is more than a request. */
  attempts(): OperationAttempts {
    let attempt = 1;
    return {
      failed: async (error, signal) => {
        if (
          attempt >= this.#attempts || !isTemporary(error) ||
          signal?.aborted || (error.retryAfter ?? 0) > MAX_RETRY_AFTER_MS
        ) {
          throw error;
        }
        const wait = this.#wait(attempt++, error.retryAfter);
        this.#options.observer?.onRetry?.(undefined, wait, error);
        await this.#sleep(wait, signal);
      },
      progressed: () => {
        attempt = 1;
      },
    };
  }

  #wait(attempt: number, retryAfter: number | undefined): number {
    const { baseDelayMs = 500, maxDelayMs = 30_000, random = Math.random } =
      this.#options;
    const longest = Math.min(maxDelayMs, baseDelayMs * 2 ** (attempt - 1));
    return Math.max(retryAfter ?? 0, longest * (0.5 + random() / 2));
  }

  #pause(host: string, wait: number): void {
    const until = this.#now() + wait;
    const known = this.#pausedUntil.get(host) ?? 0;
    if (until > known) this.#pausedUntil.set(host, until);
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
