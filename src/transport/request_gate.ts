/**
 * How much may be under way at once: requests per host, and blob transfers in
 * the whole run.
 *
 * @module
 */

import type { Transport, TransportDecorator } from "./transport.ts";

/** Options of a {@linkcode RequestGate}. */
export interface RequestGateOptions {
  /**
   * Requests under way at one host, their bodies included.
   *
   * @default {6}
   */
  readonly maxPerHost?: number;
  /**
   * Blobs in transfer in the whole run.
   *
   * @default {12}
   */
  readonly maxTransfers?: number;
}

interface Waiter {
  readonly needs: ReadonlyMap<string, number>;
  readonly grant: () => void;
}

// No host name has an asterisk.
const TRANSFERS = "*transfers*";

/**
 * Grants all slots that a piece of work needs at once, or none. So no work holds
 * one slot while it waits for another, and a deadlock is impossible. Slots are
 * granted in order, but work for a busy host does not hold up work for an idle
 * one.
 */
export class RequestGate {
  readonly #maxPerHost: number;
  readonly #maxTransfers: number;
  readonly #used = new Map<string, number>();
  #waiting: Waiter[] = [];

  constructor(options: RequestGateOptions = {}) {
    this.#maxPerHost = options.maxPerHost ?? 6;
    this.#maxTransfers = options.maxTransfers ?? 12;
  }

  /** Waits for one transfer: a slot at each of its hosts. */
  enter(hosts: readonly string[], signal?: AbortSignal): Promise<() => void> {
    const needs = new Map([[TRANSFERS, 1]]);
    for (const host of hosts) {
      needs.set(
        host,
        Math.min((needs.get(host) ?? 0) + 1, this.#capacity(host)),
      );
    }
    return this.#acquire(needs, signal);
  }

  /**
   * Waits for a slot at a host that a transfer needs last. The transfer keeps its
   * place among the transfers meanwhile. That is safe: no holder of a slot waits
   * for one.
   */
  enterWithin(host: string, signal?: AbortSignal): Promise<() => void> {
    return this.#acquire(new Map([[host, 1]]), signal);
  }

  /**
   * Bounds the requests to one host; a slot is held until the response's body
   * has been read or cancelled.
   */
  limit(host: string): TransportDecorator {
    return (next: Transport): Transport => async (request) => {
      if (request.inTransfer) return await next(request);
      const release = await this.#acquire(new Map([[host, 1]]), request.signal);
      try {
        return releaseAfterBody(await next(request), release);
      } catch (error) {
        release();
        throw error;
      }
    };
  }

  #capacity(key: string): number {
    return key === TRANSFERS ? this.#maxTransfers : this.#maxPerHost;
  }

  #acquire(
    needs: ReadonlyMap<string, number>,
    signal?: AbortSignal,
  ): Promise<() => void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting = this.#waiting.filter((w) => w !== waiter);
        reject(signal?.reason);
        this.#serve();
      };
      const waiter: Waiter = {
        needs,
        grant: () => {
          signal?.removeEventListener("abort", onAbort);
          let held = true;
          resolve(() => {
            if (!held) return;
            held = false;
            for (const [key, n] of needs) this.#add(key, -n);
            this.#serve();
          });
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
      this.#serve();
    });
  }

  #serve(): void {
    // Slots that an earlier waiter lacks are kept from later ones. Else a
    // transfer, which needs two, would wait for ever behind single requests.
    const reserved = new Set<string>();
    const still: Waiter[] = [];
    for (const waiter of this.#waiting) {
      const lacking = [...waiter.needs].filter(([key, n]) =>
        reserved.has(key) ||
        (this.#used.get(key) ?? 0) + n > this.#capacity(key)
      );
      if (lacking.length === 0) {
        for (const [key, n] of waiter.needs) this.#add(key, n);
        waiter.grant();
      } else {
        for (const [key] of lacking) reserved.add(key);
        still.push(waiter);
      }
    }
    this.#waiting = still;
  }

  #add(key: string, n: number): void {
    const used = (this.#used.get(key) ?? 0) + n;
    if (used === 0) this.#used.delete(key);
    else this.#used.set(key, used);
  }
}

function releaseAfterBody(response: Response, release: () => void): Response {
  if (!response.body) {
    release();
    return response;
  }
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        release();
        controller.close();
      } catch (error) {
        release();
        throw error;
      }
    },
    async cancel(reason) {
      try {
        await reader.cancel(reason);
      } finally {
        release();
      }
    },
  }, { highWaterMark: 0 });
  return new Response(body, {
    status: response.status,
    headers: response.headers,
  });
}
