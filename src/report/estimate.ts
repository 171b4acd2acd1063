/**
 * How long a run will still take: said only once that is fairly sure.
 *
 * @module
 */

/** Estimates are compared over so long, in ms. */
const WINDOW_MS = 15_000;
/** Not before so many images are done, and this share of all. */
const LEAST_DONE = 5;
const LEAST_SHARE = 0.1;
/** The end may have moved by this share of what is left. */
const MAX_DRIFT = 0.25;
/** Between two looks, in ms. */
const STEP_MS = 1_000;

/** Tells how much is left of a run of so many images. */
export class Estimate {
  readonly #images: number;
  readonly #now: () => number;
  readonly #started: number;
  #done = 0;
  /** When the run would end, as it seemed at each look. */
  #ends: { readonly at: number; readonly end: number }[] = [];

  /** @param now a clock in ms */
  constructor(images: number, now: () => number) {
    this.#images = images;
    this.#now = now;
    this.#started = now();
  }

  /** An image is done. */
  finished(): void {
    this.#done++;
  }

  /**
   * How much is left, in ms; undefined while that is not known well: when the end
   * has seemed to move much within the last seconds.
   */
  left(): number | undefined {
    const at = this.#now();
    const left = this.#images - this.#done;
    if (this.#done === 0 || left <= 0) return undefined;
    const rest = (at - this.#started) / this.#done * left;
    this.#note(at, at + rest);
    const needed = Math.max(LEAST_DONE, this.#images * LEAST_SHARE);
    const [first] = this.#ends;
    if (this.#done < needed || at - first!.at < WINDOW_MS) return undefined;
    const ends = this.#ends.map(({ end }) => end);
    const drift = Math.max(...ends) - Math.min(...ends);
    return drift <= rest * MAX_DRIFT ? rest : undefined;
  }

  #note(at: number, end: number): void {
    const last = this.#ends.at(-1);
    if (last && at - last.at < STEP_MS) return;
    this.#ends.push({ at, end });
    // One look before the window shows that the window is full.
    while (this.#ends.length > 1 && this.#ends[1]!.at <= at - WINDOW_MS) {
      this.#ends.shift();
    }
  }
}
