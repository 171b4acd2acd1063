/**
 * A stream that is read to its end, such as standard input.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** The largest list, in bytes: its text has to be one string. */
const MAX_LIST_BYTES = 500 * 1024 * 1024;

/**
 * Reads a stream to its end, such as standard input.
 *
 * @param limit in bytes
 * @throws {HangarError} `usage` when there is more: `/dev/zero` never ends
 */
export async function readStream(
  stream: ReadableStream<Uint8Array>,
  limit = MAX_LIST_BYTES,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of stream) {
    size += piece.length;
    if (size > limit) {
      throw new HangarError(
        "usage",
        `it is larger than ${Math.ceil(limit / 1024 / 1024)} MiB`,
      );
    }
    pieces.push(piece);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
