/**
 * Lines about long work, from time to time.
 *
 * @module
 */

/** How far apart two lines are, in ms. */
const APART_MS = 10_000;

/** Writes a line when the last one is long ago. */
export class Ticker {
  readonly #write: (text: string) => void;
  #last = performance.now();

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Tells how far the work is, if it is time. */
  tell(text: () => string): void {
    const now = performance.now();
    if (now - this.#last < APART_MS) return;
    this.#last = now;
    this.#write(text());
  }
}
