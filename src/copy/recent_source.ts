/**
 * A source of which little is asked twice: several lines of a list often name one
 * image, and several tags one digest.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor, ManifestContent } from "../oci/manifest.ts";
import type {
  CallOptions,
  ManifestReader,
  PartialIndexes,
  SourceStore,
  TagOrDigest,
} from "../oci/store.ts";
import { RecentReads } from "./recent_reads.ts";
import { type Place, placeName } from "./sides.ts";

/** About how much memory a descriptor takes, in bytes. */
const DESCRIPTOR_BYTES = 400;

/** What sources said lately: manifests, what tags point at, and referrers. */
export class RecentAnswers {
  readonly manifests: RecentReads<ManifestContent | undefined>;
  readonly heads: RecentReads<Descriptor | undefined>;
  readonly referrers: RecentReads<readonly Descriptor[] | undefined>;

  /** @param limit of the memory for manifests, in bytes; the rest needs less */
  constructor(limit: number) {
    this.manifests = new RecentReads(
      limit,
      (content) => content?.bytes.byteLength ?? 0,
    );
    this.heads = new RecentReads(limit / 8, () => DESCRIPTOR_BYTES);
    this.referrers = new RecentReads(
      limit / 8,
      (found) => DESCRIPTOR_BYTES * ((found?.length ?? 0) + 1),
    );
  }
}

/** A store whose recent answers are remembered. It belongs to the run. */
export class RecentSource implements SourceStore {
  readonly id: string;
  readonly partial?: PartialIndexes;
  readonly fresh: ManifestReader;
  protected readonly store: SourceStore;
  readonly #answers: RecentAnswers;

  constructor(store: SourceStore, answers: RecentAnswers) {
    this.id = store.id;
    this.partial = store.partial;
    this.fresh = store;
    this.store = store;
    this.#answers = answers;
  }

  async getManifest(
    repository: string,
    reference: TagOrDigest,
    { signal }: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    return await this.#answers.manifests.get(
      this.keyOf(repository, reference),
      signal,
      () => this.store.getManifest(repository, reference, { signal }),
    );
  }

  async headManifest(
    repository: string,
    reference: TagOrDigest,
    { signal }: CallOptions = {},
  ): Promise<Descriptor | undefined> {
    return await this.#answers.heads.get(
      this.keyOf(repository, reference),
      signal,
      () => this.store.headManifest(repository, reference, { signal }),
    );
  }

  async listReferrers(
    repository: string,
    digest: Digest,
    { signal }: CallOptions = {},
  ): Promise<readonly Descriptor[] | undefined> {
    return await this.#answers.referrers.get(
      this.keyOf(repository, digest),
      signal,
      () => this.store.listReferrers(repository, digest, { signal }),
    );
  }

  openBlob(
    repository: string,
    blob: Descriptor,
    options: CallOptions & { readonly offset?: number } = {},
  ): Promise<ByteReader> {
    return this.store.openBlob(repository, blob, options);
  }

  readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    return this.store.readBlob(repository, blob, limit, options);
  }

  listTags(
    repository: string,
    options: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]> {
    return this.store.listTags(repository, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  protected keyOf(repository: string, reference: string): string {
    return `${placeName({ store: this, repository })} ${reference}`;
  }
}

/** Memory for manifests that several lines may need, in bytes. */
const RECENT_BYTES = 8 * 1024 * 1024;

/**
 * The sources of a run whose lines may name the same images. Where the run
 * writes, nothing is remembered.
 */
export class RecentSources {
  readonly #answers = new RecentAnswers(RECENT_BYTES);
  readonly #written: Set<string>;

  /** @param written the names of repositories that the run writes to */
  constructor(written: Iterable<string>) {
    this.#written = new Set(written);
  }

  /** Another repository that the run is about to write to. */
  willWrite(place: Place): void {
    this.#written.add(placeName(place));
  }

  /** The store, as a source for a repository. */
  around(store: SourceStore, repository: string): SourceStore {
    return this.#written.has(placeName({ store, repository }))
      ? store
      : new RecentSource(store, this.#answers);
  }
}
