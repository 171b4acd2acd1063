/**
 * A source as one of several destinations reads it.
 *
 * @module
 */

import { type ByteReader, bytesReader } from "../../bytes.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Descriptor, ManifestContent } from "../../oci/manifest.ts";
import type {
  CallOptions,
  PartialIndexes,
  SharedTransfers,
  SourceStore,
  TagOrDigest,
} from "../../oci/store.ts";
import {
  type Reader,
  type SharedSources,
  WHOLE_BYTES,
} from "./shared_sources.ts";

/** A source as one destination reads it for one image. */
export function sharedSource(
  store: SourceStore,
  shared: SharedSources,
  reader: Reader,
): SourceStore {
  return shared.mayShare(store)
    ? new SharedSource(store, shared, reader)
    : store;
}

/** Asks the source for what no destination has been given yet. */
class SharedSource implements SourceStore {
  readonly id: string;
  readonly partial?: PartialIndexes;
  readonly transfers: SharedTransfers;
  readonly #store: SourceStore;
  readonly #shared: SharedSources;
  readonly #reader: Reader;

  constructor(store: SourceStore, shared: SharedSources, reader: Reader) {
    this.id = store.id;
    this.partial = store.partial;
    this.#store = store;
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

  async getManifest(
    repository: string,
    reference: TagOrDigest,
    { signal }: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    return await this.#shared.manifests.get(
      this.#key(repository, reference),
      signal,
      () => this.#store.getManifest(repository, reference, { signal }),
    );
  }

  async headManifest(
    repository: string,
    reference: TagOrDigest,
    { signal }: CallOptions = {},
  ): Promise<Descriptor | undefined> {
    return await this.#shared.heads.get(
      this.#key(repository, reference),
      signal,
      () => this.#store.headManifest(repository, reference, { signal }),
    );
  }

  async openBlob(
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
    return await this.#shared.open(this.#store, repository, blob, {
      reader: this.#reader,
      offset,
      signal,
    });
  }

  async readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array> {
    const read = () =>
      this.#store.readBlob(repository, blob, limit, { signal });
    return blob.size <= WHOLE_BYTES
      ? await this.#shared.blobs.get(
        this.#key(repository, blob.digest),
        signal,
        read,
      )
      : await read();
  }

  listTags(
    repository: string,
    options: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]> {
    return this.#store.listTags(repository, options);
  }

  async listReferrers(
    repository: string,
    digest: Digest,
    { signal }: CallOptions = {},
  ): Promise<readonly Descriptor[] | undefined> {
    return await this.#shared.referrers.get(
      this.#key(repository, digest),
      signal,
      () => this.#store.listReferrers(repository, digest, { signal }),
    );
  }

  /** The store belongs to the run. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #key(repository: string, reference: string): string {
    return `${this.id}/${repository} ${reference}`;
  }
}
