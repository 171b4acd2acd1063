/**
 * A source whose manifests are kept in an archive as they are read, so that an
 * image can be looked at first, and copied later, and nothing is fetched twice.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import type { ArchiveIndex } from "./archive_index.ts";
import { KeyedLock } from "../copy/keyed_lock.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { describeManifest, type ManifestContent } from "../oci/manifest.ts";
import type { CallOptions, SourceStore } from "../oci/store.ts";
import type { LayoutStore } from "./layout_store.ts";

/** What is known of all sources of a run. */
export class SourceMemory {
  readonly #archive: LayoutStore;
  readonly #tags = new Map<string, Descriptor | undefined>();
  readonly #referrers = new Map<string, readonly Descriptor[] | undefined>();
  readonly #locks = new KeyedLock();

  constructor(archive: LayoutStore) {
    this.#archive = archive;
  }

  /**
   * Takes what an archive says for what the sources' tags point at, so that it
   * can be made again.
   */
  learn(index: ArchiveIndex): void {
    for (const { reference, descriptor } of index.entries) {
      if (reference?.tag === undefined) continue;
      const { registry, repository, tag } = reference;
      this.#tags.set(`${registry}/${repository} ${tag}`, descriptor);
    }
  }

  /** A store that remembers what is read from it. */
  around(store: SourceStore): SourceStore {
    return new RememberedSource(store, {
      archive: this.#archive,
      tags: this.#tags,
      referrers: this.#referrers,
      locks: this.#locks,
    });
  }
}

interface Memory {
  readonly archive: LayoutStore;
  /** What tags point at; undefined for those that there are not. */
  readonly tags: Map<string, Descriptor | undefined>;
  readonly referrers: Map<string, readonly Descriptor[] | undefined>;
  /** One reader at a time for each piece of content. */
  readonly locks: KeyedLock;
}

class RememberedSource implements SourceStore {
  readonly id: string;
  readonly partial: SourceStore["partial"];
  readonly #store: SourceStore;
  readonly #memory: Memory;

  constructor(store: SourceStore, memory: Memory) {
    this.id = store.id;
    this.partial = store.partial;
    this.#store = store;
    this.#memory = memory;
  }

  async getManifest(
    repository: string,
    reference: string,
    options?: CallOptions,
  ): Promise<ManifestContent | undefined> {
    const { archive, tags } = this.#memory;
    const key = this.#key(repository, reference);
    const known = isDigest(reference) ? reference : tags.get(key)?.digest;
    if (known === undefined && tags.has(key)) return undefined;
    const content = known
      ? await this.#alone(
        known,
        options,
        async () =>
          await archive.keptManifest(known) ??
            await this.#fetchManifest(repository, known, options),
      )
      : await this.#fetchManifest(repository, reference, options);
    if (!isDigest(reference)) {
      tags.set(key, content && describeManifest(content));
    }
    return content;
  }

  async #fetchManifest(
    repository: string,
    reference: string,
    options?: CallOptions,
  ): Promise<ManifestContent | undefined> {
    const content = await this.#store.getManifest(
      repository,
      reference,
      options,
    );
    if (content) await this.#memory.archive.keepManifest(content);
    return content;
  }

  /** Images that need the same content wait for the one that reads it. */
  async #alone<T>(
    digest: Digest,
    { signal = NEVER }: CallOptions = {},
    work: () => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    return await this.#memory.locks.run(digest, signal, work);
  }

  async headManifest(
    repository: string,
    reference: string,
    options?: CallOptions,
  ): Promise<Descriptor | undefined> {
    const { archive, tags } = this.#memory;
    if (isDigest(reference)) {
      const kept = await archive.keptManifest(reference);
      return kept
        ? describeManifest(kept)
        : await this.#store.headManifest(repository, reference, options);
    }
    const key = this.#key(repository, reference);
    if (tags.has(key)) return tags.get(key);
    const head = await this.#store.headManifest(repository, reference, options);
    if (head) archive.noteType(head.digest, head.mediaType);
    tags.set(key, head);
    return head;
  }

  async openBlob(
    repository: string,
    blob: Descriptor,
    options?: CallOptions & { readonly offset?: number },
  ): Promise<ByteReader> {
    return await this.#store.openBlob(repository, blob, options);
  }

  async readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    options?: CallOptions,
  ): Promise<Uint8Array> {
    const { archive } = this.#memory;
    return await this.#alone(blob.digest, options, async () => {
      if (await archive.hasContent(blob)) {
        return await archive.readBlob(repository, blob, limit, options);
      }
      const bytes = await this.#store.readBlob(
        repository,
        blob,
        limit,
        options,
      );
      await archive.keepBytes(blob, bytes);
      return bytes;
    });
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
    options?: CallOptions,
  ): Promise<readonly Descriptor[] | undefined> {
    const { referrers } = this.#memory;
    const key = this.#key(repository, digest);
    if (referrers.has(key)) return referrers.get(key);
    const listed = await this.#store.listReferrers(repository, digest, options);
    // Most manifests have none: an empty list of their own would be too much.
    referrers.set(key, listed?.length === 0 ? NONE : listed);
    return listed;
  }

  #key(repository: string, reference: string): string {
    return `${this.id}/${repository} ${reference}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }
}

const NONE: readonly Descriptor[] = [];

const NEVER = new AbortController().signal;
