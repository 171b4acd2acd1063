/**
 * Images that go to several destinations: those of one line together, so that
 * their source is read once.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import type { Company } from "../../copy/fan_out/company.ts";
import type { MirrorTask } from "../plan/task.ts";

/** How long others may wait for a destination at first, in ms. */
const GRACE_MS = 2_000;
/** What share of the time they may wait for it in the long run. */
const WAITING_SHARE = 0.1;
/** Who has used so much of its allowance leaves with one who has used it up. */
const NEARLY = 0.5;

/** Options of {@linkcode inConvoys}. */
export interface ConvoyOptions<T> {
  /** Images at once, at each destination. */
  readonly jobs: number;
  /** Works on one image; must not reject. */
  readonly work: (task: MirrorTask, company: Company) => Promise<T>;
  /** Told of destinations that are left behind, as places. */
  readonly onLeftBehind?: (places: readonly number[]) => void;
  /** Milliseconds, from any beginning. @default {performance.now} */
  readonly now?: () => number;
}

/**
 * Works on tasks; the results are in their order. The tasks of one line begin
 * together, and the next line begins when all of them have ended. A destination
 * that the others would wait for too long is left behind: it goes on by itself,
 * line by line, or with others that are as slow.
 */
export async function inConvoys<T>(
  tasks: readonly MirrorTask[],
  options: ConvoyOptions<T>,
): Promise<T[]> {
  const run = new ConvoyRun(tasks, options);
  return await run.results();
}

interface Numbered {
  readonly task: MirrorTask;
  /** Its index among all tasks. */
  readonly at: number;
}

class ConvoyRun<T> {
  readonly options: ConvoyOptions<T>;
  /** The tasks of each line. */
  readonly lines: readonly (readonly Numbered[])[];
  readonly now: () => number;
  readonly #results: T[] = [];
  readonly #lanes = new Map<number, Lane>();
  readonly #convoys: Promise<void>[] = [];
  readonly #under = new Set<Promise<void>>();

  constructor(tasks: readonly MirrorTask[], options: ConvoyOptions<T>) {
    this.options = options;
    this.now = options.now ?? (() => performance.now());
    const numbered = tasks.map((task, at) => ({ task, at }));
    this.lines = [
      ...Map.groupBy(numbered, ({ task }) => task.id).values(),
    ];
    for (const { place = 0 } of tasks) {
      if (!this.#lanes.has(place)) {
        this.#lanes.set(place, new Lane(options.jobs));
      }
    }
  }

  async results(): Promise<T[]> {
    this.send(new Set(this.#lanes.keys()), 0);
    // Convoys that are left behind are added while others go on.
    for (let i = 0; i < this.#convoys.length; i++) await this.#convoys[i];
    await Promise.all(this.#under);
    return this.#results;
  }

  /** Sends destinations on their way from a line on. */
  send(places: ReadonlySet<number>, from: number): void {
    this.#convoys.push(new Convoy(this, places, from).go());
  }

  async work({ task, at }: Numbered, company: Company): Promise<void> {
    const work = this.#lanes.get(task.place ?? 0)!.run(async () => {
      this.#results[at] = await this.options.work(task, company);
    });
    this.#under.add(work);
    await work;
    this.#under.delete(work);
  }
}

/** The images of one destination: so many at once. */
class Lane {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(jobs: number) {
    this.#free = jobs;
  }

  async run(work: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** Destinations that go in step. */
class Convoy<T> {
  readonly #run: ConvoyRun<T>;
  readonly #places: Set<number>;
  #next: number;
  readonly #began: number;
  /** How long others have waited for each, in ms. */
  readonly #waited = new Map<number, number>();

  constructor(run: ConvoyRun<T>, places: ReadonlySet<number>, from: number) {
    this.#run = run;
    this.#places = new Set(places);
    this.#next = from;
    this.#began = run.now();
  }

  async go(): Promise<void> {
    const one = async () => {
      while (this.#places.size > 0 && this.#next < this.#run.lines.length) {
        await this.#line(this.#run.lines[this.#next++]!);
      }
    };
    await Promise.all(Array.from({ length: this.#run.options.jobs }, one));
  }

  async #line(line: readonly Numbered[]): Promise<void> {
    const byPlace = Map.groupBy(
      line.filter(({ task }) => this.#places.has(task.place ?? 0)),
      ({ task }) => task.place ?? 0,
    );
    const places = new Set(byPlace.keys());
    const company: Company = {
      places,
      absent: new Set(),
      waitedFor: (place, ms) =>
        this.#waitedFor([place], ms / this.#run.options.jobs),
    };
    const ends = new Map<number, Promise<void>>();
    for (const [place, tasks] of byPlace) {
      const work = tasks.map((task) => this.#run.work(task, company));
      ends.set(place, Promise.all(work).then(() => void places.delete(place)));
    }
    await this.#ended(ends, places);
  }

  /**
   * Waits until all that are not left behind have ended.
   *
   * @param under the places that have not ended
   */
  async #ended(
    ends: ReadonlyMap<number, Promise<void>>,
    under: ReadonlySet<number>,
  ): Promise<void> {
    while (true) {
      const inStep = [...ends].filter(([place]) => this.#places.has(place));
      const pending = inStep.filter(([place]) => under.has(place));
      if (pending.length === 0) return;
      const next = pending.map(([, end]) => end);
      if (pending.length === inStep.length) {
        await Promise.race(next);
        continue;
      }
      const allowance = this.#allowance();
      const left = pending.map(([place]) => allowance - this.#waitOf(place));
      const late = new AbortController();
      const from = this.#run.now();
      try {
        await Promise.race([
          ...next,
          delay(Math.max(1, Math.min(...left)), { signal: late.signal }).catch(
            () => {},
          ),
        ]);
      } finally {
        late.abort();
      }
      const waited = (this.#run.now() - from) / this.#run.options.jobs;
      this.#waitedFor(pending.map(([place]) => place), waited);
    }
  }

  #allowance(): number {
    return GRACE_MS + (this.#run.now() - this.#began) * WAITING_SHARE;
  }

  #waitOf(place: number): number {
    return this.#waited.get(place) ?? 0;
  }

  #waitedFor(places: readonly number[], ms: number): void {
    const mine = places.filter((place) => this.#places.has(place));
    for (const place of mine) this.#waited.set(place, this.#waitOf(place) + ms);
    const allowance = this.#allowance();
    if (mine.every((place) => this.#waitOf(place) < allowance)) return;
    const slow = [...this.#places].filter((place) =>
      this.#waitOf(place) >= allowance * NEARLY
    );
    // Where all are as slow, nobody is left behind.
    if (slow.length === this.#places.size) {
      this.#waited.clear();
      return;
    }
    for (const place of slow) this.#places.delete(place);
    this.#run.options.onLeftBehind?.(slow);
    this.#run.send(new Set(slow), this.#next);
  }
}
