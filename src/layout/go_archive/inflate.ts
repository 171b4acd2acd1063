/**
 * Deflated content, inflated while it is read.
 *
 * @module
 */

import type { ByteReader } from "../../bytes.ts";
import { HangarError } from "../../errors.ts";

/**
 * How much is inflated at once, in bytes: it may become a thousand times as
 * large.
 */
const PIECE_BYTES = 16 * 1024;

/** What is inflated. */
export interface Deflated {
  /** In messages. */
  readonly name: string;
  /** How long it must be when it is inflated, in bytes. */
  readonly size: number;
  /** Where to begin, in bytes of what is inflated. */
  readonly offset: number;
}

/**
 * Inflates raw deflated content (RFC 1951). It fails as soon as it is longer
 * than its size, and instead of ending when it is shorter.
 */
export async function inflated(
  reader: ByteReader,
  { name, size, offset }: Deflated,
): Promise<ByteReader> {
  const pieces = sourceOf(reader).pipeThrough(
    new DecompressionStream("deflate-raw"),
  ).getReader();
  let seen = 0;
  const next = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await pieces.read().catch((cause) => {
      if (cause instanceof HangarError) throw cause;
      throw new HangarError("content-mismatch", `${name} cannot be inflated`, {
        cause,
      });
    });
    seen += value?.byteLength ?? 0;
    if (seen > size || (done && seen < size)) {
      await pieces.cancel().catch(() => {});
      throw new HangarError(
        "content-mismatch",
        `${name} inflates to ${
          seen > size ? "more" : "fewer"
        } than the ${size} bytes that the zip announces`,
      );
    }
    return done ? undefined : value;
  };
  let first: Uint8Array | undefined;
  while (seen < offset) {
    const piece = await next();
    if (!piece) break;
    if (seen > offset) first = piece.subarray(piece.byteLength - seen + offset);
  }
  return {
    async read() {
      const piece = first ?? await next();
      first = undefined;
      return piece;
    },
    cancel: async (reason) => {
      await pieces.cancel(reason).catch(() => {});
    },
  };
}

function sourceOf(reader: ByteReader): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left: Uint8Array | undefined;
  return new ReadableStream({
    async pull(controller) {
      left = left?.byteLength ? left : await reader.read();
      if (!left) return controller.close();
      controller.enqueue(left.slice(0, PIECE_BYTES));
      left = left.subarray(PIECE_BYTES);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
