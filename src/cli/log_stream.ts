/**
 * Standard error for the log. A log that cannot be written never ends a run.
 *
 * @module
 */

import { counted } from "../counted.ts";

/** Where bytes go; gives how many were taken. */
export interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

/** Options of a {@linkcode LogStream}. */
export interface LogStreamOptions {
  /**
   * Bytes that are kept for a slow reader; what exceeds them is dropped.
   *
   * @default {1 MiB}
   */
  readonly capacity?: number;
  /** Between two attempts at a pipe that is full, in ms. @default {20} */
  readonly retryMs?: number;
}

const encoder = new TextEncoder();
const CAPACITY = 1024 * 1024;

/** Writes log text, in order, and never throws. */
export class LogStream {
  readonly #out: SyncWriter;
  readonly #capacity: number;
  readonly #retryMs: number;
  #waiting: Uint8Array[] = [];
  #size = 0;
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(out: SyncWriter, options: LogStreamOptions = {}) {
    this.#out = out;
    this.#capacity = options.capacity ?? CAPACITY;
    this.#retryMs = options.retryMs ?? 20;
  }

  /** Writes text now, or as soon as a full pipe has room. */
  write(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    if (this.#size + bytes.length > this.#capacity) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(bytes);
    this.#size += bytes.length;
    if (this.#timer === undefined) this.#drain();
  }

  /**
   * Waits until all is written, and says how much was dropped.
   *
   * @param limitMs how long to wait for a reader
   */
  async flush(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    while (this.#waiting.length > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, this.#retryMs));
      this.#drain();
    }
    this.#disarm();
  }

  /** Without a timer, the runtime need not load its code for them: 10 ms. */
  #disarm(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #drain(): void {
    this.#disarm();
    try {
      while (this.#waiting.length > 0) {
        const [bytes] = this.#waiting as [Uint8Array];
        const count = this.#out.writeSync(bytes);
        this.#size -= count;
        if (count === bytes.length) this.#waiting.shift();
        else this.#waiting[0] = bytes.subarray(count);
        if (this.#waiting.length === 0) this.#tellDropped();
      }
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) {
        // The pipe is full, but its reader may read on later.
        this.#timer = setTimeout(() => this.#drain(), this.#retryMs);
        return;
      }
      // The reader has ended, or the disk is full. This error can be written
      // nowhere.
      this.#waiting = [];
      this.#size = 0;
    }
  }

  /** Writes one line in place of the dropped ones. */
  #tellDropped(): void {
    if (this.#dropped === 0) return;
    const count = this.#dropped;
    this.#dropped = 0;
    const bytes = encoder.encode(
      `[${counted(count, "piece")} of the log ${
        count === 1 ? "was" : "were"
      } dropped: its reader was too slow]\n`,
    );
    this.#waiting.push(bytes);
    this.#size += bytes.length;
  }
}
