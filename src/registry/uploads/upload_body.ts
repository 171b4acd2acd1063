/**
 * The body of an upload as it goes out.
 *
 * @module
 */

import type { ByteReader } from "../../bytes.ts";
import { StallWatch } from "../../transport/stall_watch.ts";

/**
 * How many stall timeouts a registry may take to answer once it has all bytes:
 * some registries then move and hash them.
 */
const ANSWER_PATIENCE = 10;

/** Options of {@linkcode sendBody}. */
export interface SendBodyOptions {
  /** Names the request. */
  readonly name: string;
  readonly stallTimeoutMs?: number;
  /** How long to wait for a refusal before the first byte goes out, in ms. */
  readonly hesitateMs: number;
  /** Told how many bytes go out. */
  readonly onSent: (count: number) => void;
  readonly signal?: AbortSignal;
}

/** Sends what a reader gives as the body of one request, and watches it. */
export async function sendBody<T>(
  reader: ByteReader,
  options: SendBodyOptions,
  send: (body: ByteReader, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, onSent } = options;
  const stalled = new AbortController();
  const watch = new StallWatch(
    options.stallTimeoutMs,
    (error) => stalled.abort(error),
    () => options.name,
  );
  const pause = new Pause(options.hesitateMs);
  // The time to read from the source does not count: it has its own watch.
  const body: ByteReader = {
    async read() {
      watch.rest();
      await pause.over;
      const piece = pause.isCut ? undefined : await reader.read();
      if (pause.isCut) throw new Error("answered already");
      if (piece) {
        onSent(piece.byteLength);
        watch.wait();
      } else {
        watch.wait(ANSWER_PATIENCE);
      }
      return piece;
    },
    // The caller lets go of the reader.
    cancel: () => Promise.resolve(),
    release: (piece) => reader.release?.(piece),
  };
  watch.wait();
  try {
    return await send(
      body,
      signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    );
  } finally {
    watch.end();
    pause.cut();
  }
}

/** A wait that ends early when the request does. */
class Pause {
  readonly over: Promise<void>;
  isCut = false;
  readonly #resolve: () => void;
  readonly #timer?: ReturnType<typeof setTimeout>;

  constructor(ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#resolve = resolve;
    if (ms > 0) this.#timer = setTimeout(resolve, ms);
    else resolve();
  }

  /** The request has ended: no more bytes may go out. */
  cut(): void {
    this.isCut = true;
    clearTimeout(this.#timer);
    this.#resolve();
  }
}
