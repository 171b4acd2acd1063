/**
 * What one image is doing, and how long it did that, from its events.
 *
 * @module
 */

import type { ImagePhase, MirrorEvent } from "../mirror/events.ts";

/**
 * A phase as people see it: of the time in which content is copied, `waiting` is
 * the part in which all blobs that are left wait for their turn.
 */
export type SeenPhase = ImagePhase | "waiting";

/** How long an image was in each phase, in ms; phases without time are left out. */
export type PhaseTimes = { readonly [phase in SeenPhase]?: number };

/** Follows one image through its phases. */
export class PhaseClock {
  readonly #now: () => number;
  readonly #times: { [phase in SeenPhase]?: number } = {};
  #phase: ImagePhase = "checking";
  /** Blobs that are not at the destination yet, and those of them that wait. */
  #open = 0;
  #waiting = 0;
  #since: number;

  /** @param now a clock in ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** The phase now. */
  get phase(): SeenPhase {
    const isWaiting = this.#phase === "copying" && this.#open > 0 &&
      this.#waiting === this.#open;
    return isWaiting ? "waiting" : this.#phase;
  }

  /** Takes an event of the image. */
  readonly sink = (event: MirrorEvent): void => {
    const step = this.#stepOf(event);
    if (!step) return;
    this.#settle();
    step();
  };

  #stepOf(event: MirrorEvent): (() => void) | undefined {
    switch (event.type) {
      case "phase":
        return () => this.#phase = event.phase;
      case "blob-started":
        return () => this.#open++;
      case "blob-finished":
        return () => this.#open--;
      case "blob-waits":
        return () => this.#waiting += event.waits ? 1 : -1;
    }
  }

  /** The times so far, in whole ms. */
  times(): PhaseTimes {
    this.#settle();
    const times: { [phase in SeenPhase]?: number } = {};
    for (const [phase, ms] of Object.entries(this.#times)) {
      const whole = Math.round(ms);
      if (whole > 0) times[phase as SeenPhase] = whole;
    }
    return times;
  }

  #settle(): void {
    const { phase } = this;
    const now = this.#now();
    this.#times[phase] = (this.#times[phase] ?? 0) + now - this.#since;
    this.#since = now;
  }
}
