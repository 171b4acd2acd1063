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
import { formatBytes, formatDuration } from "./format.ts";

/** The period of the rate, in ms. */
const RATE_WINDOW_MS = 10_000;
const BAR_WIDTH = 24;
const MIN_NAME_WIDTH = 16;

interface Flight {
  /** `[IMG:n]` */
  readonly image: number;
  readonly name: string;
  /** Bytes of all blobs so far. */
  total: number;
  /** Bytes of the blobs that are finished. */
  settled: number;
  /** Bytes sent of blobs that are not finished. */
  moving: number;
}

/** Adds up the events of a run. */
export class Progress {
  readonly #images: number;
  readonly #now: () => number;
  readonly #started: number;
  readonly #flights = new Map<string, Flight>();
  /** Bytes sent in total, at each look. */
  #samples: { readonly at: number; readonly bytes: number }[] = [];
  #done = 0;
  #failed = 0;
  #sent = 0;

  /**
   * @param images of the whole run
   * @param now a clock in ms
   */
  constructor(images: number, now: () => number = () => performance.now()) {
    this.#images = images;
    this.#now = now;
    this.#started = now();
  }

  /** Takes an event. */
  readonly sink: MirrorEventSink = (event) => {
    switch (event.type) {
      case "image-started":
        this.#flights.set(imageKey(event), {
          image: event.image,
          name: event.destination,
          total: 0,
          settled: 0,
          moving: 0,
        });
        return;
      case "image-finished":
        this.#flights.delete(imageKey(event));
        this.#done++;
        if (event.outcome.kind === "failed") this.#failed++;
        return;
      case "blob-started":
        return this.#change(event, (f) => f.total += event.size);
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
          f.settled += event.size;
          if (event.how === "sent") {
            f.moving = Math.max(0, f.moving - event.size);
          }
        });
    }
  };

  #change(of: ImageAtPlace, change: (flight: Flight) => void): void {
    const flight = this.#flights.get(imageKey(of));
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
    const elapsed = this.#now() - this.#started;
    const left = this.#images - this.#done;
    const rate = this.#rate();
    return [
      `${this.#done}/${this.#images} images`,
      ...(this.#failed > 0 ? [`${this.#failed} failed`] : []),
      ...(this.#flights.size > 0 ? [`${this.#flights.size} under way`] : []),
      `${formatBytes(this.#sent)} sent`,
      ...(rate > 0 ? [`${formatBytes(Math.round(rate))}/s`] : []),
      ...(this.#done > 0 && left > 0
        ? [`about ${formatDuration(elapsed / this.#done * left)} left`]
        : []),
    ].join(", ");
  }

  /** A bar for each image under way, and the line, for a window of a size. */
  frame(columns: number, rows: number): string[] {
    // Half of the window is left to the log.
    const room = Math.max(1, Math.floor(rows / 2) - 1);
    const flights = [...this.#flights.values()];
    const shown = flights.slice(
      0,
      flights.length > room ? room - 1 : flights.length,
    );
    const hidden = flights.length - shown.length;
    return [
      ...flightLines(shown, columns),
      ...(hidden > 0 ? [fit(`  and ${hidden} more`, columns)] : []),
      fit(this.line(), columns),
    ];
  }
}

/** One line for each image, in columns. */
function flightLines(
  flights: readonly Flight[],
  columns: number,
): string[] {
  const cells = flights.map(({ image, name, total, settled, moving }) => {
    const done = Math.min(total, settled + moving);
    const share = total > 0 ? done / total : 0;
    const filled = Math.round(share * BAR_WIDTH);
    return {
      name,
      label: `[IMG:${image}]`,
      bar: `[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`,
      numbers: total > 0
        ? `${Math.floor(share * 100)}% ${formatBytes(done)} of ${
          formatBytes(total)
        }`
        : "",
    };
  });
  const widest = (key: "name" | "label" | "numbers") =>
    Math.max(0, ...cells.map((cell) => cell[key].length));
  const labels = widest("label");
  const numbers = widest("numbers");
  const room = columns - 1 - labels - numbers - 3;
  // With little room, the name is more useful than the bar.
  const hasBar = room - BAR_WIDTH - 3 >= MIN_NAME_WIDTH;
  const space = Math.max(
    MIN_NAME_WIDTH,
    hasBar ? room - BAR_WIDTH - 3 : room,
  );
  const names = Math.min(space, widest("name"));
  return cells.map((cell) =>
    fit(
      [
        cell.label.padEnd(labels),
        shorten(cell.name, names),
        ...(hasBar ? [cell.bar] : []),
        cell.numbers.padStart(numbers),
      ].join(" "),
      columns,
    )
  );
}

/** The end of a name, which tells more than its registry, as a column. */
function shorten(text: string, width: number): string {
  return text.length > width
    ? `…${text.slice(text.length - width + 1)}`
    : text.padEnd(width);
}

/** One character is left free: some terminals wrap at the last. */
function fit(text: string, columns: number): string {
  const width = Math.max(1, columns - 1);
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}
