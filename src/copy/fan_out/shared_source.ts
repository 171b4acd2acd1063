/**
 * A source as one of several destinations reads it.
 *
 * @module
 */

import { type ByteReader, bytesReader } from "../../bytes.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type {
  CallOptions,
  SharedTransfers,
  SourceStore,
} from "../../oci/store.ts";
import { RecentSource } from "../recent_source.ts";
import {
  type Reader,
  type SharedSources,
  WHOLE_BYTES,
} from "./shared_sources.ts";

/** Asks the source only for what no destination has been given yet. */
export class SharedSource extends RecentSource {
  readonly transfers: SharedTransfers;
  readonly #shared: SharedSources;
  readonly #reader: Reader;

  constructor(store: SourceStore, shared: SharedSources, reader: Reader) {
    super(store, shared.answers);
    this.#shared = shared;
    this.#reader = reader;
    this.transfers = {
      enter: (repository, blob, destinationId, { signal } = {}) =>
        shared.enter(store, { repository, destinationId }, blob, {
          reader,
          signal,
        }),
    };
  }

  override async openBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions & { readonly offset?: number } = {},
  ): Promise<ByteReader> {
    const { offset = 0, signal = new AbortController().signal } = options;
    if (blob.size <= WHOLE_BYTES) {
      const bytes = await this.readBlob(repository, blob, WHOLE_BYTES, {
        signal,
      });
      return bytesReader(bytes.subarray(offset));
    }
    return await this.#shared.open(this.store, repository, blob, {
      reader: this.#reader,
      offset,
      signal,
    });
  }

  override async readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array> {
    const read = () => super.readBlob(repository, blob, limit, { signal });
    return blob.size <= WHOLE_BYTES
      ? await this.#shared.blobs.get(
        this.keyOf(repository, blob.digest),
        signal,
        read,
      )
      : await read();
  }
}
