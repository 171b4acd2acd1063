/**
 * How much may be under way at once: requests per host, and blob transfers in
 * the whole run.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { HostPace, type PacedRequest } from "./host_pace.ts";
import {
  isReadWhole,
  lengthOf,
  pieceReader,
  readWholeBodies,
} from "./read_body.ts";
import type {
  RequestObserver,
  Transport,
  TransportDecorator,
  TransportRequest,
} from "./transport.ts";

/** The most requests under way at one host, if nothing else is said. */
export const MAX_PER_HOST = 32;

/** Options of a {@linkcode RequestGate}. */
export interface RequestGateOptions {
  /**
   * The most requests under way at one host, their bodies included. How many it
   * really is, each host decides (see {@linkcode HostPace}).
   *
   * @default {32}
   */
  readonly maxPerHost?: number;
  /**
   * The same for one host, where that is said.
   *
   * @default {maxPerHost}
   */
  readonly maxAt?: (host: string) => number | undefined;
  /**
   * Large blobs in transfer in the whole run.
   *
   * @default {12}
   */
  readonly maxTransfers?: number;
  /** Milliseconds, from any beginning. @default {performance.now} */
  readonly now?: () => number;
  /** Told when a host gets fewer requests at once. */
  readonly observer?: Pick<RequestObserver, "onPaceCut">;
}

/** How a transfer enters. */
export interface EnterOptions {
  readonly signal?: AbortSignal;
  /**
   * How many bytes go over. Small transfers are not kept waiting by large ones.
   *
   * @default {large}
   */
  readonly bytes?: number;
}

/** What is known of a host at the end of a run. */
export interface HostUse {
  readonly host: string;
  /** The most requests that were under way there at once. */
  readonly peak: number;
  /** How often the pace was cut: the host refused, or did not answer. */
  readonly cuts: number;
}

/** Gives slots back: those of some keys, or all that are still held. */
type Release = (keys?: Iterable<string>) => void;

/** Slots by key; no more than a key has at most are really taken. */
type Needs = ReadonlyMap<string, number>;

interface Waiter {
  readonly needs: Needs;
  readonly grant: () => void;
}

/** Transfers of up to so many bytes are small. */
export const SMALL_BYTES = 512 * 1024;

// No host name has an asterisk.
const LARGE = "*large*";
const SMALL = "*small*";
const LARGE_AT = "*large at* ";

/** Small transfers in the whole run; their bytes may all be in memory. */
const MAX_SMALL = 48;

/** Of a host's slots, what large transfers leave to other work: one in four. */
const LARGE_SHARE = 0.75;

const SLOW_DOWN = new Set([429, 503]);

/**
 * Grants all slots that a piece of work needs at once, or none. So no work holds
 * one slot while it waits for another, and a deadlock is impossible. Slots are
 * granted in order, but work for a busy host does not hold up work for an idle
 * one, nor do large transfers hold up small ones.
 */
export class RequestGate {
  readonly #maxAt: (host: string) => number;
  readonly #maxTransfers: number;
  readonly #now?: () => number;
  readonly #observer?: Pick<RequestObserver, "onPaceCut">;
  readonly #paces = new Map<string, HostPace>();
  readonly #used = new Map<string, number>();
  #waiting: Waiter[] = [];

  constructor(options: RequestGateOptions = {}) {
    const { maxPerHost = MAX_PER_HOST, maxAt } = options;
    this.#maxAt = (host) => maxAt?.(host) ?? maxPerHost;
    this.#observer = options.observer;
    this.#maxTransfers = options.maxTransfers ?? 12;
    this.#now = options.now;
  }

  /** Waits for one transfer: a slot at each of its hosts. */
  enter(
    hosts: readonly string[],
    { signal, bytes = Infinity }: EnterOptions = {},
  ): Promise<Release> {
    const isLarge = bytes > SMALL_BYTES;
    const needs = new Map([[isLarge ? LARGE : SMALL, 1]]);
    const add = (key: string) => needs.set(key, (needs.get(key) ?? 0) + 1);
    for (const host of hosts) {
      add(host);
      if (isLarge) add(LARGE_AT + host);
    }
    return this.#acquire(needs, signal);
  }

  /**
   * Waits for a slot at a host that a transfer needs last. The transfer keeps its
   * place among the transfers meanwhile. That is safe: no holder of a slot waits
   * for one.
   */
  enterWithin(
    host: string,
    { signal, bytes = 0 }: EnterOptions = {},
  ): Promise<() => void> {
    const needs = new Map([[host, 1]]);
    if (bytes > SMALL_BYTES) needs.set(LARGE_AT + host, 1);
    return this.#acquire(needs, signal);
  }

  /**
   * Waits for one transfer between hosts that are not the same: for a slot at each,
   * at once. Each is given back by itself, and the last one ends the transfer.
   */
  async enterTogether(
    hosts: readonly string[],
    options: EnterOptions = {},
  ): Promise<readonly (() => void)[]> {
    const release: Release = await this.enter(hosts, options);
    let left = hosts.length;
    return hosts.map((host) => {
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        release(--left === 0 ? undefined : [host, LARGE_AT + host]);
      };
    });
  }

  /**
   * Bounds the requests to one host; a slot is held until the response's body
   * has been read or cancelled. Bodies that are wanted whole are read here. How
   * the host answers sets its pace.
   */
  limit(host: string): TransportDecorator {
    return (next: Transport): Transport => {
      const send = readWholeBodies((request) =>
        this.#paced(host, next, request)
      );
      const needs = new Map([[host, 1]]);
      return async (request) => {
        // The slots of a transfer are taken for all of it.
        if (request.inTransfer) return await send(request);
        const release = await this.#acquire(needs, request.signal);
        try {
          return releaseAfterBody(await send(request), release);
        } catch (error) {
          release();
          throw error;
        }
      };
    };
  }

  /** What was learned of the hosts. */
  uses(): HostUse[] {
    return [...this.#paces].map(([host, { peak, cuts }]) => ({
      host,
      peak,
      cuts,
    }));
  }

  async #paced(
    host: string,
    next: Transport,
    request: TransportRequest,
  ): Promise<Response> {
    const pace = this.#paceOf(host);
    const sent = pace.began();
    try {
      const response = await next(request);
      if (SLOW_DOWN.has(response.status)) this.#refused(host, sent);
      // How long an upload takes says nothing of the host's load.
      else if (!request.inTransfer) pace.answered(sent);
      return response;
    } catch (error) {
      if (
        error instanceof HangarError && error.temporary &&
        !request.signal?.aborted
      ) {
        this.#refused(host, sent);
      }
      throw error;
    } finally {
      this.#serve();
    }
  }

  #refused(host: string, sent: PacedRequest): void {
    const pace = this.#paceOf(host);
    if (pace.refused(sent)) this.#observer?.onPaceCut?.(host, pace.limit);
  }

  #paceOf(host: string): HostPace {
    let pace = this.#paces.get(host);
    if (!pace) {
      pace = new HostPace({ max: this.#maxAt(host), now: this.#now });
      this.#paces.set(host, pace);
    }
    return pace;
  }

  #capacity(key: string): number {
    if (key === LARGE) return this.#maxTransfers;
    if (key === SMALL) return MAX_SMALL;
    if (!key.startsWith(LARGE_AT)) return this.#paceOf(key).limit;
    const { limit } = this.#paceOf(key.slice(LARGE_AT.length));
    return Math.max(1, Math.floor(limit * LARGE_SHARE));
  }

  #acquire(
    needs: Needs,
    signal?: AbortSignal,
  ): Promise<Release> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.length === 0 && this.#areFree(needs)) {
      return Promise.resolve(this.#take(needs));
    }
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
          resolve(this.#take(needs));
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
      this.#serve();
    });
  }

  #serve(): void {
    if (this.#waiting.length === 0) return;
    // What an earlier waiter lacks is kept from later ones, or a transfer
    // that needs two slots would wait forever behind requests that need one.
    const reserved = new Set<string>();
    const still: Waiter[] = [];
    for (const waiter of this.#waiting) {
      let isLacking = false;
      for (const [key, wanted] of waiter.needs) {
        if (!reserved.has(key) && this.#isFree(key, wanted)) continue;
        reserved.add(key);
        isLacking = true;
      }
      if (isLacking) still.push(waiter);
      else waiter.grant();
    }
    this.#waiting = still;
  }

  #areFree(needs: Needs): boolean {
    for (const [key, wanted] of needs) {
      if (!this.#isFree(key, wanted)) return false;
    }
    return true;
  }

  #isFree(key: string, wanted: number): boolean {
    const capacity = this.#capacity(key);
    const n = Math.min(wanted, capacity);
    return (this.#used.get(key) ?? 0) + n <= capacity;
  }

  /** Takes slots that are free. */
  #take(needs: Needs): Release {
    const held = new Map<string, number>();
    for (const [key, wanted] of needs) {
      const n = Math.min(wanted, this.#capacity(key));
      held.set(key, n);
      this.#add(key, n);
    }
    return (keys = held.keys()) => {
      for (const key of [...keys]) {
        const n = held.get(key) ?? 0;
        held.delete(key);
        if (n > 0) this.#add(key, -n);
      }
      this.#serve();
    };
  }

  #add(key: string, n: number): void {
    const used = (this.#used.get(key) ?? 0) + n;
    if (used === 0) this.#used.delete(key);
    else this.#used.set(key, used);
    if (!key.startsWith("*")) this.#paceOf(key).take(n);
  }
}

function releaseAfterBody(response: Response, release: () => void): Response {
  if (isReadWhole(response) || !response.body) {
    release();
    return response;
  }
  const reader = pieceReader(response.body, lengthOf(response));
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const piece = await reader.read();
        if (piece) return controller.enqueue(piece);
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
