/**
 * How many requests one host takes at once, found out while it is asked.
 *
 * @module
 */

/** Options of a {@linkcode HostPace}. */
export interface HostPaceOptions {
  /** The most requests under way at once. */
  readonly max: number;
  /** Milliseconds, from any beginning. @default {performance.now} */
  readonly now?: () => number;
}

/** One request, as it goes out. */
export interface PacedRequest {
  readonly startedAt: number;
  /** How often the pace had been cut by then. */
  readonly cuts: number;
}

/** Where a host begins of which nothing is known. */
const START = 8;
/**
 * Answers come slower when the fastest of the last ones took more than so many
 * times what the fastest of all did. Others may have taken long for reasons of
 * their own: a new connection, content to be hashed.
 */
const SLOWER = 1.5;
const MUCH_SLOWER = 2;
const LAST = 8;
/** What any answer may take longer without meaning anything, in ms. */
const SLACK_MS = 5;
/** Answers after which the fastest one is looked for anew. */
const WINDOW = 4_000;
/** So many rounds of good answers let the pace pass a bound that it met. */
const ROUNDS_TO_FORGET = 40;

/**
 * The pace at one host: additive increase while answers come no slower, additive
 * decrease while they come much slower, multiplicative decrease when the host
 * refuses (429, 503) or gives no answer. At first it grows with each answer, so
 * that a long line is soon filled.
 */
export class HostPace {
  readonly #max: number;
  readonly #now: () => number;
  #limit: number;
  /** How many were under way when the host last refused, less one. */
  #bound = Infinity;
  #isFirstClimb = true;
  #underWay = 0;
  #cuts = 0;
  #sinceCut = 0;
  /** How long the last answers took, in ms. */
  readonly #last: number[] = [];
  /** The fastest answers of this window and of the one before. */
  #fastest = Infinity;
  #fastestBefore = Infinity;
  #answers = 0;
  #peak = 0;

  constructor({ max, now = () => performance.now() }: HostPaceOptions) {
    this.#max = Math.max(1, max);
    this.#now = now;
    this.#limit = Math.min(START, this.#max);
  }

  /** How many requests may be under way now; at least one. */
  get limit(): number {
    return Math.max(1, Math.floor(Math.min(this.#limit, this.#bound)));
  }

  /** How many slots are taken. */
  get underWay(): number {
    return this.#underWay;
  }

  /** The most slots that were taken at once. */
  get peak(): number {
    return this.#peak;
  }

  /** How often the pace was cut, since the host refused or did not answer. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Takes slots, or gives them back where `count` is negative. */
  take(count: number): void {
    this.#underWay += count;
    this.#peak = Math.max(this.#peak, this.#underWay);
  }

  /** Notes that a request goes out. */
  began(): PacedRequest {
    return { startedAt: this.#now(), cuts: this.#cuts };
  }

  /** Notes an answer that is no refusal for now. */
  answered({ startedAt }: PacedRequest): void {
    const ms = this.#now() - startedAt;
    this.#last[this.#answers % LAST] = ms;
    this.#fastest = Math.min(this.#fastest, ms);
    if (++this.#answers % WINDOW === 0) {
      this.#fastestBefore = this.#fastest;
      this.#fastest = Infinity;
    }
    this.#sinceCut++;
    if (this.#sinceCut > ROUNDS_TO_FORGET * this.#bound) this.#bound = Infinity;
    const slower = this.#slower();
    if (slower !== "no") {
      this.#isFirstClimb = false;
      if (slower === "much" && this.#limit > START) {
        this.#limit -= 1 / this.#limit;
      }
    } else if (this.#isUsed()) {
      const more = this.#isFirstClimb ? 1 : 1 / this.#limit;
      this.#limit = Math.min(this.#max, this.#bound, this.#limit + more);
    }
  }

  /**
   * Notes a refusal for now, or that there was no answer. Of those that were
   * sent before the pace was cut, none cuts it once more.
   *
   * @returns whether the pace was cut
   */
  refused({ cuts }: PacedRequest): boolean {
    this.#isFirstClimb = false;
    if (cuts !== this.#cuts) return false;
    this.#cuts++;
    this.#sinceCut = 0;
    this.#bound = Math.max(1, this.#underWay - 1);
    this.#limit = Math.max(1, Math.min(this.#limit, this.#underWay) / 2);
    return true;
  }

  /** Where fewer are under way than may be, nothing is learned about more. */
  #isUsed(): boolean {
    return this.#isFirstClimb
      ? 2 * this.#underWay >= this.limit
      : this.#underWay >= this.limit - 1;
  }

  /** Whether answers come slower, or so much slower that fewer are better. */
  #slower(): "no" | "some" | "much" {
    const fastest = Math.min(this.#fastest, this.#fastestBefore);
    const ms = Math.min(...this.#last);
    return ms <= SLOWER * fastest + SLACK_MS
      ? "no"
      : ms <= MUCH_SLOWER * fastest + 2 * SLACK_MS
      ? "some"
      : "much";
  }
}
