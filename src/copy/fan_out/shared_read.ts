/**
 * One read of a blob for several destinations, with a bounded buffer.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { delay } from "@std/async/delay";
import type { ByteReader } from "../../bytes.ts";

/** How far the fastest reader may be ahead of the slowest, in bytes. */
export const BUFFER_BYTES = 4 * 1024 * 1024;

/** How long readers wait for slower ones, in all, for one blob, in ms. */
const PATIENCE_MS = 500;

/** Options of a {@linkcode SharedRead}. */
export interface SharedReadOptions {
  /** Opens the content from an offset on, for all readers. */
  readonly open: (offset: number, signal: AbortSignal) => Promise<ByteReader>;
  /** Opens the content for a reader that was left behind. */
  readonly openAlone: (
    offset: number,
    signal: AbortSignal,
  ) => Promise<ByteReader>;
  /** Who reads, as places. */
  readonly places: Iterable<number>;
  /** Others have waited so many ms for a place. */
  readonly waitedFor: (place: number, ms: number) => void;
  /** Called once, when nobody reads any more. */
  readonly onEnd: () => void;
}

/** One of the readers. */
interface Member {
  /** The offset of its next piece. */
  position: number;
  isLeftBehind: boolean;
}

/**
 * Hands each piece to all. The fastest reader sets the pace: it waits for slower
 * ones a little, and then they are left behind and read on by themselves.
 */
export class SharedRead {
  readonly #options: SharedReadOptions;
  readonly #members = new Map<number, Member>();
  readonly #end = new AbortController();
  #pieces: Uint8Array[] = [];
  /** The offset of the first piece that is kept, and of the next to be read. */
  #start = 0;
  #head = 0;
  #isAtEnd = false;
  #inner?: ByteReader;
  #pulling?: Promise<void>;
  #patience = PATIENCE_MS;
  /** Resolves when a reader has moved, or has gone. */
  #moved = Promise.withResolvers<void>();

  constructor(options: SharedReadOptions) {
    this.#options = options;
    for (const place of options.places) this.#admit(place);
  }

  /** Whether one more can still read all of it. */
  get isOpen(): boolean {
    return this.#start === 0 && !this.#end.signal.aborted;
  }

  /** Lets one more read from the beginning. */
  join(place: number): void {
    this.#admit(place);
  }

  /** Whether a place reads here. */
  has(place: number): boolean {
    return this.#members.has(place);
  }

  /** A place reads no more. */
  leave(place: number): void {
    if (!this.#members.delete(place)) return;
    this.#trim();
    if (this.#members.size === 0) void this.#close();
  }

  /** Opens the content for a place that reads here. */
  openAt(place: number, offset: number, signal: AbortSignal): ByteReader {
    const member = this.#members.get(place)!;
    let alone: ByteReader | undefined;
    member.position = offset;
    // After a break, a reader may go back to what is not kept any more.
    if (offset < this.#start || offset > this.#head) member.isLeftBehind = true;
    this.#trim();
    return {
      read: async () => {
        while (true) {
          signal.throwIfAborted();
          if (alone) return await alone.read();
          if (member.isLeftBehind) {
            const from = member.position;
            this.leave(place);
            alone = await this.#options.openAlone(from, signal);
            continue;
          }
          const piece = this.#pieceFor(member);
          if (piece) return piece;
          if (this.#isAtEnd) return undefined;
          await abortable(this.#more(), signal);
        }
      },
      cancel: async (reason) => await alone?.cancel(reason),
    };
  }

  #admit(place: number): void {
    this.#members.set(place, { position: 0, isLeftBehind: false });
  }

  #pieceFor(member: Member): Uint8Array | undefined {
    let at = this.#start;
    for (const piece of this.#pieces) {
      const end = at + piece.byteLength;
      if (member.position < end) {
        const rest = piece.subarray(member.position - at);
        member.position = end;
        this.#trim();
        return rest;
      }
      at = end;
    }
    return undefined;
  }

  /** One more piece; first, room for it. All readers wait for one such step. */
  #more(): Promise<void> {
    const isFull = this.#head - this.#start >= BUFFER_BYTES;
    this.#pulling ??= (isFull ? this.#waitForRoom() : this.#pull())
      .finally(() => this.#pulling = undefined);
    return this.#pulling;
  }

  async #pull(): Promise<void> {
    const { signal } = this.#end;
    try {
      this.#inner ??= await this.#options.open(this.#head, signal);
      const piece = await this.#inner.read();
      if (piece) {
        this.#pieces.push(piece);
        this.#head += piece.byteLength;
      } else this.#isAtEnd = true;
    } catch (error) {
      // Whoever tries again goes on from here.
      const broken = this.#inner;
      this.#inner = undefined;
      await broken?.cancel();
      throw error;
    }
  }

  /** Waits for the slowest, and leaves them behind when that takes too long. */
  async #waitForRoom(): Promise<void> {
    const slowest = [...this.#members].filter(([, { position }]) =>
      position < this.#start + (this.#head - this.#start) / 2
    );
    const from = performance.now();
    const late = new AbortController();
    await Promise.race([
      this.#moved.promise,
      delay(Math.max(0, this.#patience), { signal: late.signal })
        .catch(() => {}),
    ]);
    late.abort();
    const waited = performance.now() - from;
    this.#patience -= waited;
    for (const [place] of slowest) this.#options.waitedFor(place, waited);
    if (this.#patience > 0 || this.#head - this.#start < BUFFER_BYTES) return;
    for (const [, member] of slowest) member.isLeftBehind = true;
    this.#trim();
  }

  /** Forgets what nobody needs any more. */
  #trim(): void {
    const positions = [...this.#members.values()]
      .filter(({ isLeftBehind }) => !isLeftBehind)
      .map(({ position }) => position);
    const least = Math.min(this.#head, ...positions);
    while (this.#pieces[0]) {
      const end = this.#start + this.#pieces[0].byteLength;
      if (end > least) break;
      this.#pieces.shift();
      this.#start = end;
    }
    this.#moved.resolve();
    this.#moved = Promise.withResolvers<void>();
  }

  async #close(): Promise<void> {
    this.#end.abort(new Error("nobody reads this any more"));
    this.#pieces = [];
    // A read that is under way ends first.
    await this.#pulling?.catch(() => {});
    await this.#inner?.cancel();
    this.#inner = undefined;
    this.#options.onEnd();
  }
}
