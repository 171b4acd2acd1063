/**
 * Gives up what makes no progress.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** Without a byte for so long a transfer is given up, in ms. */
export const DEFAULT_STALL_TIMEOUT_MS = 60_000;

/** What a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Watches one transfer. It only counts while something is waited for. */
export class StallWatch {
  readonly #ms: number;
  readonly #onStall: (error: HangarError) => void;
  readonly #what: () => string;
  #timer?: ReturnType<typeof setTimeout>;
  /** Since when it waits, and how long it may; undefined while it does not. */
  #waiting?: { since: number; for: number };
  #stalled?: HangarError;
  #ended = false;

  /**
   * @param onStall is to make the wait end
   * @param what names the transfer
   */
  constructor(
    ms: number = DEFAULT_STALL_TIMEOUT_MS,
    onStall: (error: HangarError) => void,
    what: () => string,
  ) {
    this.#ms = ms;
    this.#onStall = onStall;
    this.#what = what;
  }

  /**
   * The wait for something begins.
   *
   * @param times how many stall timeouts it may take
   */
  wait(times = 1): void {
    // A body may be asked for more when its request has ended already.
    if (this.#ended || this.#ms === Infinity) return;
    const ms = Math.min(this.#ms * times, MAX_TIMER_MS);
    this.#waiting = { since: performance.now(), for: ms };
    // One timer for many waits: it looks when it fires whether it is due.
    if (this.#timer === undefined) this.#arm(ms);
  }

  /** It came. */
  rest(): void {
    this.#waiting = undefined;
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.#ended = true;
    this.#waiting = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** @throws {HangarError} `network` (temporary) when it had to be given up */
  throwIfStalled(): void {
    if (this.#stalled) throw this.#stalled;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const waiting = this.#waiting;
      if (!waiting) return this.#arm(this.#ms);
      const left = waiting.since + waiting.for - performance.now();
      if (left > 0) return this.#arm(left);
      this.#waiting = undefined;
      this.#stalled = new HangarError(
        "network",
        `${this.#what()}: nothing came for ${waiting.for / 1000} s`,
        { temporary: true },
      );
      this.#onStall(this.#stalled);
    }, ms);
  }
}
