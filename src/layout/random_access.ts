/**
 * Content that is read at positions.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";

/** Content that is read at positions. */
export interface RandomAccess {
  /** In bytes, when it was opened. */
  readonly size: number;
  /**
   * Reads into a buffer, from a position on.
   *
   * @returns how many bytes were read: fewer than the buffer takes only at the
   * end of the content
   */
  read(offset: number, buffer: Uint8Array): Promise<number>;
}

/** How much is read at once, in bytes. */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads a part piece by piece. Each piece is a buffer of its own.
 *
 * @param held disposed of at the end, or when the reader is cancelled
 */
export function readPart(
  from: RandomAccess,
  part: { readonly offset: number; readonly size: number },
  held?: AsyncDisposable,
): ByteReader {
  let at = part.offset;
  const end = part.offset + part.size;
  let isOver = false;
  const finish = async () => {
    if (isOver) return;
    isOver = true;
    await held?.[Symbol.asyncDispose]();
  };
  return {
    read: async () => {
      if (isOver) return undefined;
      if (at >= end) {
        await finish();
        return undefined;
      }
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
      const count = await from.read(at, piece);
      if (count === 0) {
        await finish();
        return undefined;
      }
      at += count;
      return piece.subarray(0, count);
    },
    cancel: () => finish().catch(() => {}),
  };
}

/**
 * Reads a small part whole.
 *
 * @throws {HangarError} `file` where the content ends before the part does
 */
export async function readWholePart(
  from: RandomAccess,
  { offset, size }: { readonly offset: number; readonly size: number },
  what: string,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  const count = await from.read(offset, bytes);
  if (count === size) return bytes;
  throw new HangarError("file", `${what} ends early: it is damaged`);
}
