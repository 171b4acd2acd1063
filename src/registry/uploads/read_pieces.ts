/**
 * Readers, read into pieces of a given size.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import type { ByteReader } from "../../bytes.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { UploadSource } from "../../oci/store.ts";

/**
 * Reads a whole small blob, and one byte more, so that too long a blob is
 * noticed.
 */
export async function readWholeBlob(
  source: UploadSource,
  blob: Descriptor,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const reader = await source.openAt(0, signal);
  try {
    return (await readUpTo(reader, blob.size + 1)).bytes;
  } finally {
    await reader.cancel();
  }
}

/** Reads until `size` bytes are there or the source ends. */
export async function readUpTo(
  reader: ByteReader,
  size: number,
  rest?: Uint8Array,
): Promise<{ bytes: Uint8Array; rest?: Uint8Array }> {
  const parts: Uint8Array[] = rest ? [rest] : [];
  let length = rest?.byteLength ?? 0;
  while (length < size) {
    const piece = await reader.read();
    if (!piece) break;
    parts.push(piece);
    length += piece.byteLength;
  }
  const whole = concat(parts);
  for (const part of parts) if (part !== rest) reader.release?.(part);
  return length > size
    ? { bytes: whole.subarray(0, size), rest: whole.subarray(size) }
    : { bytes: whole };
}
