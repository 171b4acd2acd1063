/**
 * Where the bytes of a blob come from: a repository, or memory.
 *
 * @module
 */

import { type ByteReader, bytesReader } from "../../bytes.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { SharedTransfers } from "../../oci/store.ts";
import { atSource, type SourceSide } from "../sides.ts";

/** Where the bytes of a blob come from. */
export interface BlobOrigin {
  /** The store whose transfer slots reading takes; none for bytes at hand. */
  readonly storeId?: string;
  /** The repository of that store which names the blob. */
  readonly repository?: string;
  /** Where reading takes slots in common with other destinations. */
  readonly transfers?: SharedTransfers;
  /** Opens the content. The caller holds a slot and checks the digest. */
  open(
    blob: Descriptor,
    offset: number,
    signal: AbortSignal,
  ): Promise<ByteReader>;
  /** A small blob, whole and checked; its request takes a slot of its own. */
  readWhole(
    blob: Descriptor,
    limit: number,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** Names the side in an error. */
  blame<T>(what: string, operation: Promise<T>): Promise<T>;
}

/** A blob at the source. Small blobs that were read are not read again. */
export function originAt(source: SourceSide): BlobOrigin {
  const { store, repository, blobs } = source;
  return {
    storeId: store.id,
    repository,
    transfers: store.transfers,
    open: async (blob, offset, signal) => {
      const known = blobs.get(blob.digest);
      return known
        ? bytesReader(known.subarray(offset))
        : await store.openBlob(repository, blob, { offset, signal });
    },
    readWhole: async (blob, limit, signal) =>
      blobs.get(blob.digest) ??
        await atSource(
          source,
          `blob ${blob.digest}`,
          store.readBlob(repository, blob, limit, { signal }),
        ),
    blame: (what, operation) => atSource(source, what, operation),
  };
}

/** Bytes that were made here. */
export function originOfBytes(bytes: Uint8Array): BlobOrigin {
  return {
    open: (_, offset) => Promise.resolve(bytesReader(bytes.subarray(offset))),
    readWhole: () => Promise.resolve(bytes),
    blame: (_, operation) => operation,
  };
}
