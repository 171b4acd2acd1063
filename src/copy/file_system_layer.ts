/**
 * Whether a layer at its source is a file system, by its own bytes.
 *
 * @module
 */

import { FILE_SYSTEM_HEAD_BYTES, mayBeFileSystem } from "../oci/file_system.ts";
import type { Descriptor } from "../oci/manifest.ts";
import { BlobSource } from "./blob_source.ts";
import type { CopyContext } from "./copy_context.ts";
import { atSource } from "./sides.ts";

/** What is this small is kept, so that it is not read again to be copied. */
const MAX_KEPT_BYTES = 256 * 1024;

/**
 * Reads a layer to its end, so that it is known to be what its digest names,
 * and tells whether it may be a file system.
 *
 * @throws {HangarError} `content-mismatch`, or any fault of the registry
 */
export async function isFileSystemLayer(
  context: CopyContext,
  layer: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  const { source, sourceRepository, cache } = context;
  const what = `blob ${layer.digest}`;
  if (layer.size > MAX_KEPT_BYTES) {
    return await atSource(context, what, readThrough(context, layer, signal));
  }
  let bytes = cache.get(layer.digest);
  if (!bytes) {
    bytes = await atSource(
      context,
      what,
      source.readBlob(sourceRepository, layer, MAX_KEPT_BYTES, { signal }),
    );
    cache.set(layer.digest, bytes);
  }
  return mayBeFileSystem(bytes);
}

async function readThrough(
  { source, sourceRepository, gate, attempts }: CopyContext,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  const release = await gate.enter([source.id], signal);
  try {
    const reader = await new BlobSource({
      blob,
      signal,
      attempts: attempts(),
      open: (offset, signal) =>
        source.openBlob(sourceRepository, blob, { offset, signal }),
    }).openAt(0);
    const head = new Uint8Array(FILE_SYSTEM_HEAD_BYTES);
    let filled = 0;
    for (let piece; (piece = await reader.read());) {
      const part = piece.subarray(0, head.byteLength - filled);
      head.set(part, filled);
      filled += part.byteLength;
    }
    return mayBeFileSystem(head.subarray(0, filled));
  } finally {
    release();
  }
}
