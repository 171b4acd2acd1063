/**
 * How far a run is, from its events, as text of a given width.
 *
 * @module
 */

import {
  type ImageAtPlace,
  imageKey,
  type MirrorEventSink,
} from "../mirror/events.ts";
import { Estimate } from "./estimate.ts";
import { formatBytes, formatDuration } from "./format.ts";
import { PhaseClock } from "./phases.ts";
import { shortened, ShownNames } from "./shared_names.ts";

/** The period of the rate, in ms. */
const RATE_WINDOW_MS = 10_000;
const BAR_WIDTH = 24;
const MIN_NAME_WIDTH = 12;
const PHASE_WIDTH = "checking".length;
const NUMBERS_WIDTH = "100% of 1023.9 MiB".length;
// SGR colours (ECMA-48, 8.3.117).
const DIM = 90;
const RED = 31;
const YELLOW = 33;
const GREEN = 32;

interface Flight {
  /** Of the image, at its destination. */
  readonly key: string;
  /** `[IMG:n]` */
  readonly image: number;
  readonly name: string;
  readonly clock: PhaseClock;
  /** Bytes of all blobs so far. */
  total: number;
  /** Bytes of the blobs that are finished. */
  settled: number;
  /** Bytes sent of blobs that are not finished. */
  moving: number;
}

/** What a run is about. */
export interface ProgressOptions {
  /** How many images there are. */
  readonly images: number;
  /** Their destinations' names. @default {shown in full} */
  readonly names?: ShownNames;
  /** The highest `[IMG:n]`. @default {images} */
  readonly last?: number;
  /** A clock in ms. */
  readonly now?: () => number;
}

/** Adds up the events of a run. */
export class Progress {
  readonly #images: number;
  readonly #names: ShownNames;
  readonly #digits: number;
  readonly #now: () => number;
  readonly #estimate: Estimate;
  /** The images under way, each in a row of its own until it ends. */
  readonly #rows: (Flight | undefined)[] = [];
  /** Bytes sent in total, at each look. */
  #samples: { readonly at: number; readonly bytes: number }[] = [];
  #done = 0;
  #failed = 0;
  #sent = 0;

  constructor(
    { images, names, last = images, now = () => performance.now() }:
      ProgressOptions,
  ) {
    this.#images = images;
    this.#names = names ?? new ShownNames([]);
    this.#digits = `${last}`.length;
    this.#now = now;
    this.#estimate = new Estimate(images, now);
  }

  /** Takes an event. */
  readonly sink: MirrorEventSink = (event) => {
    switch (event.type) {
      case "image-started":
        return this.#start(event, event.destination);
      case "image-finished": {
        const row = this.#rowOf(event);
        if (row >= 0) this.#rows[row] = undefined;
        this.#done++;
        this.#estimate.finished();
        if (event.outcome.kind === "failed") this.#failed++;
        return;
      }
      case "phase":
      case "blob-waits":
        return this.#change(event, (f) => f.clock.sink(event));
      case "blob-started":
        return this.#change(event, (f) => {
          f.clock.sink(event);
          f.total += event.size;
        });
      case "blob-bytes":
        this.#sent += event.bytes;
        return this.#change(event, (f) => f.moving += event.bytes);
      case "blob-resent":
        return this.#change(
          event,
          (f) => f.moving = Math.max(0, f.moving - event.bytes),
        );
      case "blob-finished":
        return this.#change(event, (f) => {
          f.clock.sink(event);
          f.settled += event.size;
          if (event.how === "sent") {
            f.moving = Math.max(0, f.moving - event.size);
          }
        });
    }
  };

  #start(of: ImageAtPlace, destination: string): void {
    const flight: Flight = {
      key: imageKey(of),
      image: of.image,
      name: this.#names.short(destination),
      clock: new PhaseClock(this.#now),
      total: 0,
      settled: 0,
      moving: 0,
    };
    const free = this.#rows.indexOf(undefined);
    if (free < 0) this.#rows.push(flight);
    else this.#rows[free] = flight;
  }

  #rowOf(of: ImageAtPlace): number {
    const key = imageKey(of);
    return this.#rows.findIndex((flight) => flight?.key === key);
  }

  #change(of: ImageAtPlace, change: (flight: Flight) => void): void {
    const flight = this.#rows[this.#rowOf(of)];
    if (flight) change(flight);
  }

  /** Bytes per second, lately. */
  #rate(): number {
    const at = this.#now();
    this.#samples.push({ at, bytes: this.#sent });
    this.#samples = this.#samples.filter((s) => s.at >= at - RATE_WINDOW_MS);
    const [first] = this.#samples;
    const seconds = first ? (at - first.at) / 1000 : 0;
    return seconds > 0 ? (this.#sent - first!.bytes) / seconds : 0;
  }

  /** One line about the run. */
  line(): string {
    const rate = this.#rate();
    const left = this.#estimate.left();
    const underWay = this.#rows.filter((flight) => flight).length;
    return [
      `${this.#done}/${this.#images} images`,
      ...(this.#failed > 0 ? [`${this.#failed} failed`] : []),
      ...(underWay > 0 ? [`${underWay} under way`] : []),
      `${formatBytes(this.#sent)} sent`,
      ...(rate > 0 ? [`${formatBytes(Math.round(rate))}/s`] : []),
      ...(left === undefined ? [] : [`about ${formatDuration(left)} left`]),
    ].join(", ");
  }

  /** A row for each image under way, and the line, for a window of a size. */
  frame(
    columns: number,
    rows: number,
    { color = false }: { readonly color?: boolean } = {},
  ): string[] {
    this.#compact();
    // Half of the window is left to the log.
    const room = Math.max(1, Math.floor(rows / 2) - 1);
    const all = this.#rows.length;
    const shown = this.#rows.slice(0, all > room ? room - 1 : all);
    const hidden = this.#rows.slice(shown.length).filter((f) => f);
    const paint = color ? painted : (line: string) => line;
    const failed = `${this.#failed} failed`;
    return [
      ...shown.map((flight) =>
        flight ? this.#rowText(flight, columns, paint) : ""
      ),
      ...(hidden.length > 0 ? [fit(moreText(hidden), columns)] : []),
      paint(fit(this.line(), columns), failed, RED),
    ];
  }

  /** Rows that stay empty go, once no image is left to take them. */
  #compact(): void {
    const underWay = this.#rows.filter((flight) => flight).length;
    if (this.#done + underWay < this.#images) return;
    this.#rows.splice(
      0,
      this.#rows.length,
      ...this.#rows.filter((flight) => flight),
    );
  }

  /** One image, in columns that are the same for all of the run. */
  #rowText(flight: Flight, columns: number, paint: Paint): string {
    const { image, name, clock, total, settled, moving } = flight;
    const label = `[IMG:${image}]`.padEnd(6 + this.#digits);
    const rest = columns - 1 - label.length - 1 - PHASE_WIDTH - 1 -
      NUMBERS_WIDTH - 1;
    const wanted = Math.max(MIN_NAME_WIDTH, this.#names.widest || name.length);
    // With little room, the name is more useful than the bar.
    const hasBar = rest - BAR_WIDTH - 3 >= Math.min(wanted, 40);
    const width = Math.max(
      MIN_NAME_WIDTH,
      Math.min(wanted, hasBar ? rest - BAR_WIDTH - 3 : rest),
    );
    const done = Math.min(total, settled + moving);
    const share = total > 0 ? done / total : 0;
    const filled = Math.round(share * BAR_WIDTH);
    const line = fit(
      [
        label,
        shortened(name, width).padEnd(width),
        clock.phase.padEnd(PHASE_WIDTH),
        ...(hasBar
          ? [
            total > 0
              ? `[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`
              : "",
          ]
          : []),
        total > 0
          ? `${`${Math.floor(share * 100)}`.padStart(3)}% of ${
            formatBytes(total)
          }`
          : "",
      ].join(" ").trimEnd(),
      columns,
    );
    return paint(line, clock.phase, PHASE_COLORS[clock.phase]);
  }
}

const PHASE_COLORS: Readonly<Record<PhaseClock["phase"], number>> = {
  checking: DIM,
  waiting: YELLOW,
  copying: GREEN,
  signing: GREEN,
  tagging: GREEN,
};

type Paint = (line: string, word: string, color: number) => string;

/** A line with a word of it in a colour: the last one, after any name. */
function painted(line: string, word: string, color: number): string {
  const at = line.lastIndexOf(word);
  if (at < 0) return line;
  const end = at + word.length;
  return `${line.slice(0, at)}\x1b[${color}m${word}\x1b[0m${line.slice(end)}`;
}

/** Images for which the window has no room, by phase. */
function moreText(flights: readonly (Flight | undefined)[]): string {
  const counts = new Map<string, number>();
  for (const flight of flights) {
    if (!flight) continue;
    const { phase } = flight.clock;
    counts.set(phase, (counts.get(phase) ?? 0) + 1);
  }
  return `and ${flights.length} more: ${
    [...counts].map(([phase, count]) => `${count} ${phase}`).join(", ")
  }`;
}

/** One character is left free: some terminals wrap at the last. */
function fit(text: string, columns: number): string {
  const width = Math.max(1, columns - 1);
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
