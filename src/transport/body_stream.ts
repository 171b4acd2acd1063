/**
 * The body of a request that is read while it is sent.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";

/**
 * Whether a client still needs the memory of a piece when it asks for the next
 * one. Deno's own `fetch` does not: it holds the bytes by itself.
 */
export type BodyTaker = "keeps" | "releases";

/**
 * The stream that a client sends. Nothing is read ahead. Pieces are freed as they
 * go out, where that is safe: otherwise with several large blobs in transfer some
 * 80 MB of them wait for the garbage collector.
 */
export function bodyStream(
  reader: ByteReader,
  taker: BodyTaker,
): ReadableStream<Uint8Array> {
  let last: Uint8Array | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (last && taker === "releases") reader.release?.(last);
      last = await reader.read();
      if (last) controller.enqueue(last);
      else controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
