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

/**
 * The watches that have not ended, and the one timer that looks at them: a timer
 * for each would cost more than the waits.
 */
const watches = new Set<StallWatch>();
let timer: ReturnType<typeof setTimeout> | undefined;
let timerDue = Infinity;

/** Looks at all that wait: gives up those that are due. */
function look(): void {
  timer = undefined;
  timerDue = Infinity;
  const now = performance.now();
  let next = Infinity;
  for (const watch of [...watches]) {
    if (watch.due <= now) watch.giveUp();
    else next = Math.min(next, watch.due);
  }
  if (next < Infinity) arm(next);
}

/** Looks at a time, if nothing is looked at before. */
function arm(due: number): void {
  if (timerDue <= due) return;
  clearTimeout(timer);
  timerDue = due;
  const ms = Math.min(Math.max(0, due - performance.now()), MAX_TIMER_MS);
  timer = setTimeout(look, Math.ceil(ms));
}

function disarm(): void {
  clearTimeout(timer);
  timer = undefined;
  timerDue = Infinity;
}

/** Watches one transfer. Time counts only between `wait` and `rest`. */
export class StallWatch {
  readonly #ms: number;
  readonly #onStall: (error: HangarError) => void;
  readonly #what: () => string;
  /** When it is given up, and how long it may wait until then, in ms. */
  #due = Infinity;
  #for = 0;
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

  /** When it is given up, as `performance.now()` has it. */
  get due(): number {
    return this.#due;
  }

  /**
   * The wait for something begins.
   *
   * @param times how many stall timeouts it may take
   */
  wait(times = 1): void {
    // A reader may ask for more after the request has ended.
    if (this.#ended || this.#ms === Infinity) return;
    this.#for = this.#ms * times;
    this.#due = performance.now() + this.#for;
    watches.add(this);
    arm(this.#due);
  }

  /** The wait is over. */
  rest(): void {
    this.#due = Infinity;
  }

  /** The transfer is over. */
  end(): void {
    this.#ended = true;
    this.rest();
    if (watches.delete(this) && watches.size === 0) disarm();
  }

  /** Ends a wait that took too long. */
  giveUp(): void {
    this.rest();
    this.#stalled = new HangarError(
      "network",
      `${this.#what()}: nothing came for ${this.#for / 1000} s`,
      { temporary: true },
    );
    this.#onStall(this.#stalled);
  }

  /** @throws {HangarError} `network` (temporary) when it was given up */
  throwIfStalled(): void {
    if (this.#stalled) throw this.#stalled;
  }
}
