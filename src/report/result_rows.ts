/**
 * The results of a run in columns, for a terminal: one line for each image.
 *
 * @module
 */

import type { MirrorOutcome } from "../mirror/events.ts";
import type { Lead } from "./console.ts";
import { formatBytes, formatDuration } from "./format.ts";
import { shortened, ShownNames } from "./shared_names.ts";

/** `[17:00:00] [INFO] `, and `[IMG:] ` without its number. */
const STAMP_WIDTH = 18 + 7;
const LEAD_WIDTH = 12;
const BYTES_WIDTH = 10;
const TIME_WIDTH = 8;
/** With less room than this for names there are no numbers. */
const LEAST_NAME = 40;
/** Lines of narrower terminals are wrapped. */
const LEAST_ROOM = 24;

/** One result in columns. */
export interface ResultRow {
  readonly lead: Lead;
  readonly text: string;
}

/** Puts results into the columns of a terminal. */
export class ResultRows {
  readonly #columns: () => number;
  #names = new ShownNames([]);
  #digits = 1;

  /** @param columns how wide the terminal is now */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /**
   * Says which images there are.
   *
   * @param last the highest `[IMG:n]`
   */
  begin(names: ShownNames, last: number): void {
    this.#names = names;
    this.#digits = `${last}`.length;
  }

  /** A result; a narrow terminal shows no numbers, so that it is one line. */
  row(
    word: string,
    tone: Lead["tone"],
    destination: string,
    { id, durationMs }: Pick<MirrorOutcome, "id" | "durationMs">,
    bytes: number,
  ): ResultRow {
    const name = this.#names.short(destination);
    const lead = this.#lead(word, tone, id);
    const room = this.#room();
    const { widest } = this.#names;
    const left = room - BYTES_WIDTH - TIME_WIDTH - 2;
    if (left < Math.min(widest, LEAST_NAME)) {
      return { lead, text: shortened(name, room) };
    }
    const width = Math.min(widest, left);
    const size = bytes > 0 ? formatBytes(bytes) : "";
    const took = formatDuration(durationMs);
    return {
      lead,
      text: [
        shortened(name, width).padEnd(width + 2),
        size.padStart(BYTES_WIDTH),
        took.padStart(TIME_WIDTH),
      ].join(""),
    };
  }

  /** A failure; the recap says its reason in full. */
  failure(
    word: string,
    tone: Lead["tone"],
    destination: string,
    id: number,
    reason: string,
  ): ResultRow {
    const room = this.#room();
    const text = `${this.#names.short(destination)}${reason && `: ${reason}`}`;
    return {
      lead: this.#lead(word, tone, id),
      text: text.length > room ? `${text.slice(0, room - 1)}…` : text,
    };
  }

  /** What a line has for its text; one column is left free. */
  #room(): number {
    const used = STAMP_WIDTH + this.#digits + LEAD_WIDTH;
    return Math.max(LEAST_ROOM, this.#columns() - 1 - used);
  }

  #lead(word: string, tone: Lead["tone"], id: number): Lead {
    const indent = Math.max(0, this.#digits - `${id}`.length);
    return { word, tone, indent, width: LEAD_WIDTH };
  }
}
