/**
 * Whether a layer at its source is a file system, by its own bytes.
 *
 * @module
 */

import { FILE_SYSTEM_HEAD_BYTES, mayBeFileSystem } from "../oci/file_system.ts";
import type { Descriptor } from "../oci/manifest.ts";
import { BlobSource } from "./blobs/blob_source.ts";
import type { TransferServices } from "./copy_services.ts";
import { atSource, type SourceSide } from "./sides.ts";

/**
 * Layers up to this size are kept, so that copying does not read them again.
 */
const MAX_KEPT_BYTES = 256 * 1024;

/**
 * Reads a layer to its end, which proves its digest, and tells whether it may
 * be a file system.
 *
 * @throws {HangarError} `content-mismatch`, or any fault of the registry
 */
export async function isFileSystemLayer(
  source: SourceSide,
  layer: Descriptor,
  { services, signal }: {
    readonly services: TransferServices;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  const { store, repository, blobs } = source;
  const what = `blob ${layer.digest}`;
  if (layer.size > MAX_KEPT_BYTES) {
    return await atSource(
      source,
      what,
      readThrough(source, services, layer, signal),
    );
  }
  let bytes = blobs.get(layer.digest);
  if (!bytes) {
    bytes = await atSource(
      source,
      what,
      store.readBlob(repository, layer, MAX_KEPT_BYTES, { signal }),
    );
    blobs.set(layer.digest, bytes);
  }
  return mayBeFileSystem(bytes);
}

async function readThrough(
  { store, repository }: SourceSide,
  { gate, attempts }: TransferServices,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  const release = await gate.enter([store.id], { signal, bytes: blob.size });
  try {
    const reader = await new BlobSource({
      blob,
      signal,
      attempts: attempts(),
      open: (offset, signal) =>
        store.openBlob(repository, blob, { offset, signal }),
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
