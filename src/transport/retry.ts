/**
 * Which faults are temporary, and how long to wait before the next attempt.
 *
 * @module
 */

import { type Attempts, QUOTA_MS } from "../attempts.ts";
import { delay } from "@std/async/delay";
import { HangarError } from "../errors.ts";
import { readBounded } from "./read_body.ts";
import { redactUrl } from "./redact_url.ts";
import {
  discard,
  isStreamed,
  type RequestObserver,
  type TransportDecorator,
  type TransportRequest,
} from "./transport.ts";

/** Options of a {@linkcode Retrier}. */
export interface RetrierOptions {
  /**
   * How often a step is tried in all.
   *
   * @default {5, and 10 at a host that answers other requests}
   */
  readonly attempts?: number;
  /**
   * The first wait in ms; each further one is twice as long.
   *
   * @default {500}
   */
  readonly baseDelayMs?: number;
  /**
   * The longest wait, in ms, where no `Retry-After` asks for more.
   *
   * @default {30_000}
   */
  readonly maxDelayMs?: number;
  readonly observer?: RequestObserver;
  /**
   * Whether the body of a 5xx says that the error is for good.
   *
   * @default {it never does}
   */
  readonly isForGood?: (body: Uint8Array) => boolean;
  /** A number in [0, 1), for jitter. */
  readonly random?: () => number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** How often a step is tried by default, at a host that does not answer. */
const ATTEMPTS = 5;
/** The same at a host that answers, but may fail one request in five. */
const ATTEMPTS_WHILE_ALIVE = 10;
/** How long before a step a host must have answered to be alive, in ms. */
const ALIVE_MS = 60_000;

/** How much of an error's body is read to see whether it is for good. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Statuses that are about the host as a whole. */
const SLOW_DOWN = new Set([429, 503]);

const TEMPORARY_REFUSALS = new Set([408, 425, 429]);
/** What a server cannot do, it cannot do later either. */
const NOT_IMPLEMENTED = new Set([501, 505]);

/**
 * Whether a request answered with this status may succeed later. CDNs have
 * statuses of their own beyond 511, such as 520 to 530 and 599.
 */
export function isTemporaryStatus(status: number): boolean {
  return status >= 500
    ? !NOT_IMPLEMENTED.has(status)
    : TEMPORARY_REFUSALS.has(status);
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
 * Tries again what failed for the time being: with exponential backoff and
 * jitter. When a host asks for a pause, all requests to it wait.
 */
export class Retrier {
  readonly #options: RetrierOptions;
  readonly #pausedUntil = new Map<string, number>();
  /** When each host last answered well. */
  readonly #answered = new Map<string, number>();
  readonly #now: () => number;

  constructor(options: RetrierOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Retries requests that can be sent again. */
  readonly decorate: TransportDecorator = (next) => async (request) => {
    const { url, signal, method } = request;
    const isOnce = request.once === true || isStreamed(request);
    const since = this.#now();
    for (let attempt = 1;; attempt++) {
      await this.#honourPause(url.host, signal);
      const isLast = () => isOnce || attempt >= this.#limit(url.host, since);
      let reason: unknown;
      let wait = this.#wait(attempt, undefined);
      try {
        let response = await next(request);
        if (!isTemporaryStatus(response.status)) {
          this.#answered.set(url.host, this.#now());
          return response;
        }
        this.#meet(url.host);
        const retryAfter = parseRetryAfter(
          response.headers.get("retry-after"),
          this.#now(),
        );
        wait = Math.max(wait, retryAfter ?? 0);
        const isQuota = (retryAfter ?? 0) > QUOTA_MS;
        // All requests to this host slow down.
        if (!isQuota && SLOW_DOWN.has(response.status)) {
          this.#pause(url.host, wait);
        }
        if (isLast() || isQuota) return response;
        const [isForGood, same] = await this.#look(request, response);
        response = same;
        if (isForGood) return response;
        await discard(response);
        reason = response.status;
      } catch (error) {
        if (isLast() || !isTemporary(error) || signal?.aborted) throw error;
        reason = error;
      }
      request.onRetry?.();
      this.#options.observer?.onRetry?.(
        `${method} ${redactUrl(url)}`,
        wait,
        reason,
        url.host,
      );
      await this.#sleep(wait, signal);
    }
  };

  /** The attempts of one step that is more than a request. */
  attempts(): Attempts {
    let attempt = 1;
    let since = this.#now();
    return {
      failed: async (error, signal) => {
        if (
          !isTemporary(error) || attempt >= this.#limit(error.host, since) ||
          signal?.aborted || (error.retryAfter ?? 0) > QUOTA_MS
        ) {
          throw error;
        }
        const wait = this.#wait(attempt++, error.retryAfter);
        this.#options.observer?.onRetry?.(undefined, wait, error, error.host);
        await this.#sleep(wait, signal);
      },
      progressed: () => {
        attempt = 1;
        since = this.#now();
      },
    };
  }

  /**
   * How often a step is tried. A host that answers other requests is not down, so
   * more attempts are worth it.
   */
  #limit(host: string | undefined, since: number): number {
    const { attempts } = this.#options;
    if (attempts !== undefined) return Math.max(1, attempts);
    const answered = host === undefined ? undefined : this.#answered.get(host);
    return answered !== undefined && answered >= since - ALIVE_MS
      ? ATTEMPTS_WHILE_ALIVE
      : ATTEMPTS;
  }

  /** A host whose first answer is an error counts as alive. */
  #meet(host: string): void {
    if (!this.#answered.has(host)) this.#answered.set(host, this.#now());
  }

  /** Reads the body of a 5xx; the returned response can be read once more. */
  async #look(
    request: TransportRequest,
    response: Response,
  ): Promise<[isForGood: boolean, same: Response]> {
    const { isForGood } = this.#options;
    const { status, headers, body } = response;
    if (!isForGood || !body || status < 500) return [false, response];
    const bytes = await readBounded(response, MAX_ERROR_BYTES, request)
      .catch(() => new Uint8Array());
    return [
      isForGood(bytes),
      new Response(new Uint8Array(bytes), { status, headers }),
    ];
  }

  #wait(attempt: number, retryAfter: number | undefined): number {
    const { attempts, baseDelayMs = 500, maxDelayMs = 30_000 } = this.#options;
    const { random = Math.random } = this.#options;
    const doublings = attempts === undefined
      ? Math.min(attempt, ATTEMPTS) - 1
      : attempt - 1;
    const longest = Math.min(maxDelayMs, baseDelayMs * 2 ** doublings);
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
