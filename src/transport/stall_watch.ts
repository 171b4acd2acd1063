/**
 * Gives up what makes no progress.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** How long a transfer may bring no byte before it is given up, in ms. */
export const DEFAULT_STALL_TIMEOUT_MS = 60_000;

/** The longest time that a timer can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Watches one transfer. Time counts only between `wait` and `rest`. */
export class StallWatch {
  readonly #ms: number;
  readonly #onStall: (error: HangarError) => void;
  readonly #what: () => string;
  #timer?: ReturnType<typeof setTimeout>;
  /** Since when it waits, and how long it may; undefined between the waits. */
  #waiting?: { since: number; for: number };
  #stalled?: HangarError;
  #ended = false;

  /**
   * @param onStall must make the wait end
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
    // A reader may ask for more after the request has ended.
    if (this.#ended || this.#ms === Infinity) return;
    const ms = Math.min(this.#ms * times, MAX_TIMER_MS);
    this.#waiting = { since: performance.now(), for: ms };
    // One timer serves many waits: when it fires, it looks whether one is due.
    if (this.#timer === undefined) this.#arm(ms);
  }

  /** The wait is over. */
  rest(): void {
    this.#waiting = undefined;
  }

  /** The transfer is over. */
  end(): void {
    this.#ended = true;
    this.#waiting = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** @throws {HangarError} `network` (temporary) when it was given up */
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
