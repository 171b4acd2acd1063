/**
 * An archive as it would be: what is written to it is only noted. Manifests are
 * kept, since they are read once.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { isFallbackTag } from "../oci/attachment.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { describeManifest, type ManifestContent } from "../oci/manifest.ts";
import type {
  BlobMounter,
  CallOptions,
  DestinationStore,
  MountResult,
  PutManifestResult,
} from "../oci/store.ts";
import type { LayoutStore } from "./layout_store.ts";
import type { Content } from "./content.ts";

/** Notes what an archive lacks. */
export class PlanningStore implements DestinationStore, BlobMounter {
  readonly id: string;
  readonly mounter: BlobMounter = this;
  readonly #archive: LayoutStore;
  readonly #lacking = new Map<Digest, number>();
  readonly #tags = new Map<string, Digest>();
  readonly #put = new Set<Digest>();
  /** Lists of referrers that longer ones may have replaced. */
  readonly #lists = new Set<Digest>();
  readonly #present = new Map<Digest, number>();

  constructor(archive: LayoutStore) {
    this.id = archive.id;
    this.#archive = archive;
  }

  /** The content that would have to be fetched. */
  *lacking(): Iterable<Content> {
    for (const [digest, size] of this.#lacking) yield { digest, size };
  }

  /** The manifests that the archive is to have. */
  get manifests(): ReadonlySet<Digest> {
    const replaced = new Set(this.#lists);
    for (const digest of this.#tags.values()) replaced.delete(digest);
    return this.#put.difference(replaced);
  }

  /** The blobs that the archive has already and images need. */
  get present(): ReadonlyMap<Digest, number> {
    return this.#present;
  }

  async getManifest(
    repository: string,
    reference: string,
    options?: CallOptions,
  ): Promise<ManifestContent | undefined> {
    options?.signal?.throwIfAborted();
    const digest = isDigest(reference)
      ? reference
      : this.#tags.get(`${repository}:${reference}`);
    return digest && this.#put.has(digest)
      ? await this.#archive.keptManifest(digest)
      : await this.#archive.getManifest(repository, reference, options);
  }

  async headManifest(
    repository: string,
    reference: string,
    options?: CallOptions,
  ): Promise<Descriptor | undefined> {
    const content = await this.getManifest(repository, reference, options);
    return content && describeManifest(content);
  }

  async putManifest(
    repository: string,
    reference: string,
    content: ManifestContent,
  ): Promise<PutManifestResult> {
    await this.#archive.keepManifest(content);
    this.#put.add(content.digest);
    if (!isDigest(reference)) {
      const tag = `${repository}:${reference}`;
      const held = this.#tags.get(tag);
      if (held && isFallbackTag(reference)) this.#lists.add(held);
      this.#tags.set(tag, content.digest);
    }
    return { listed: false };
  }

  async hasBlob(
    _repository: string,
    { digest, size }: Descriptor,
    options?: CallOptions,
  ): Promise<boolean> {
    options?.signal?.throwIfAborted();
    if (this.#lacking.get(digest) === size) return true;
    if (this.#archive.isLeftOut(digest)) return true;
    const isThere = await this.#archive.hasContent({ digest, size });
    if (isThere) this.#present.set(digest, size);
    return isThere;
  }

  async mountBlob(
    repository: string,
    blob: Descriptor,
    from: string,
    options?: CallOptions,
  ): Promise<MountResult> {
    // An open upload would have the blob read ahead.
    const mounted = from !== repository &&
      await this.hasBlob(repository, blob, options);
    return { mounted };
  }

  writeBlob(_repository: string, { digest, size }: Descriptor): Promise<void> {
    this.#lacking.set(digest, size);
    return Promise.resolve();
  }

  async openBlob(
    repository: string,
    blob: Descriptor,
    options?: CallOptions & { readonly offset?: number },
  ): Promise<ByteReader> {
    return await this.#archive.openBlob(repository, blob, options);
  }

  async readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    options?: CallOptions,
  ): Promise<Uint8Array> {
    return await this.#archive.readBlob(repository, blob, limit, options);
  }

  listTags(
    repository: string,
    options: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]> {
    return this.#archive.listTags(repository, options);
  }

  listReferrers(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
