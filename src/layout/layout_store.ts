/**
 * An archive as what images are written to.
 *
 * @module
 */

import { parseRepository, type Reference } from "../names/reference.ts";
import { isFallbackTag } from "../oci/attachment.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import {
  describeManifest,
  isIndexType,
  type ManifestContent,
} from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import type {
  BlobMounter,
  CallOptions,
  DestinationStore,
  ManifestRole,
  MountResult,
  PutManifestResult,
  UploadSource,
} from "../oci/store.ts";
import {
  type ArchiveIndex,
  fullName,
  namedEntry,
  unnamedEntry,
} from "./archive_index.ts";
import type { LeftOut } from "./archive_record.ts";
import type { Content } from "./content.ts";
import type { FarSide } from "./far_side.ts";
import { LayoutSource } from "./layout_source.ts";
import type { Medium } from "./medium.ts";

/** How a {@linkcode LayoutStore} names what it keeps. */
export interface LayoutStoreOptions {
  /**
   * Whether a reference by digest alone is one of its own. Images with
   * signatures are put by digest first, and then by tag.
   *
   * @default {it is}
   */
  readonly isWanted?: (pinned: Reference) => boolean;
  /** What need not be carried. @default {everything must} */
  readonly farSide?: FarSide;
}

/** Reads from and writes to an archive. */
export class LayoutStore extends LayoutSource
  implements DestinationStore, BlobMounter {
  readonly mounter: BlobMounter = this;
  readonly #medium: Medium;
  readonly #isWanted: (pinned: Reference) => boolean;
  readonly #farSide?: FarSide;
  readonly #leftOut = new Map<Digest, LeftOut>();
  readonly #writing = new Map<Digest, Promise<void>>();
  /** What images use, with its size; all else is not kept. */
  readonly #used = new Map<Digest, number>();
  /** What was kept here for images that may use it. */
  readonly #kept = new Set<Digest>();
  /** Lists of referrers that longer ones may have replaced. */
  readonly #lists = new Set<Digest>();

  constructor(
    medium: Medium,
    index: ArchiveIndex,
    { isWanted = () => true, farSide }: LayoutStoreOptions = {},
  ) {
    super(medium, index);
    this.#medium = medium;
    this.#isWanted = isWanted;
    this.#farSide = farSide;
  }

  /** What images need and the far side has. */
  get leftOut(): readonly LeftOut[] {
    return [...this.#leftOut.values()];
  }

  /** Whether some content need not be carried. */
  isLeftOut(digest: Digest): boolean {
    return !this.#used.has(digest) && (this.#farSide?.has(digest) ?? false);
  }

  /** What images use, those included that the archive had before. */
  *contents(): Iterable<Content> {
    const replaced = this.#replacedLists();
    for (const [digest, size] of this.#used) {
      if (!replaced.has(digest)) yield { digest, size };
    }
  }

  /** Lists that grew with each referrer, in all states but the last. */
  #replacedLists(): Set<Digest> {
    const replaced = new Set(this.#lists);
    if (replaced.size === 0) return replaced;
    for (const { descriptor } of this.index.entries) {
      replaced.delete(descriptor.digest);
    }
    return replaced;
  }

  /** Notes what the archive held before, which stays. */
  holdOn(contents: Iterable<Content>): void {
    for (const { digest, size } of contents) this.#used.set(digest, size);
  }

  /**
   * The content that was kept and that no image uses.
   *
   * @param found content that an earlier run has left
   */
  unused(found: Iterable<Content> = []): Digest[] {
    const used = new Set<Digest>();
    for (const { digest } of this.contents()) used.add(digest);
    const digests = [...found].map(({ digest }) => digest);
    const all = [...this.#kept, ...digests, ...this.#replacedLists()];
    return [...new Set(all)]
      .filter((digest) => !used.has(digest));
  }

  /** Notes the type that a source gives to a manifest. */
  noteType(digest: Digest, mediaType: string): void {
    this.types.set(digest, mediaType);
  }

  /** Images of this archive have it; what is only kept for them does not count. */
  override async getManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    return isDigest(reference) && !this.#used.has(reference)
      ? undefined
      : await super.getManifest(repository, reference, options);
  }

  /** A referrer that is written is listed under its subject's tag. */
  override listReferrers(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** A manifest that is there, whoever uses it. */
  async keptManifest(digest: Digest): Promise<ManifestContent | undefined> {
    return await this.readManifest("", digest);
  }

  async hasBlob(
    _repository: string,
    blob: Descriptor,
    { signal }: CallOptions = {},
  ): Promise<boolean> {
    signal?.throwIfAborted();
    const { digest, size } = blob;
    if (this.isLeftOut(digest)) {
      this.#leftOut.set(digest, this.#farSide!.leftOut(blob));
      return true;
    }
    const isThere = await this.hasContent(blob);
    if (isThere) this.#used.set(digest, size);
    return isThere;
  }

  async mountBlob(
    repository: string,
    blob: Descriptor,
    from: string,
    options: CallOptions = {},
  ): Promise<MountResult> {
    // An open upload, or a mount from the repository itself, spares no request
    // here.
    const mounted = from !== repository &&
      await this.hasBlob(repository, blob, options);
    return { mounted };
  }

  async writeBlob(
    _repository: string,
    blob: Descriptor,
    source: UploadSource,
    { signal }: CallOptions = {},
  ): Promise<void> {
    await this.#once(blob, async () => {
      signal?.throwIfAborted();
      const incoming = await this.#medium.begin(blob);
      try {
        await pour(source, incoming, signal);
        await incoming.keep();
      } catch (error) {
        await incoming.drop();
        throw error;
      }
    });
    this.#used.set(blob.digest, blob.size);
  }

  async putManifest(
    repository: string,
    reference: string,
    content: ManifestContent,
    { role, signal }: CallOptions & { readonly role: ManifestRole },
  ): Promise<PutManifestResult> {
    signal?.throwIfAborted();
    await this.keepManifest(content);
    this.#used.set(content.digest, content.bytes.byteLength);
    if (isFallbackTag(reference)) {
      const name = fullName(parseRepository(repository));
      const held = this.index.find(name, reference);
      if (held) this.#lists.add(held.digest);
    }
    this.#name(repository, reference, content, role);
    return { listed: false };
  }

  /** Keeps the bytes of a manifest, without a name for them. */
  async keepManifest(content: ManifestContent): Promise<void> {
    const { digest, bytes } = content;
    this.types.set(digest, content.mediaType);
    await this.keepBytes({ digest, size: bytes.byteLength }, bytes);
  }

  /** Keeps some content that is at hand and checked. */
  async keepBytes(content: Content, bytes: Uint8Array): Promise<void> {
    this.#kept.add(content.digest);
    await this.#once(content, async () => {
      const incoming = await this.#medium.begin(content);
      try {
        await incoming.write(bytes);
        await incoming.keep();
      } catch (error) {
        await incoming.drop();
        throw error;
      }
    });
  }

  #name(
    repository: string,
    reference: string,
    content: ManifestContent,
    role: ManifestRole,
  ): void {
    const { digest } = content;
    const described = describeManifest(content);
    if (isDigest(reference)) {
      if (role === "child" || this.index.hasUnnamed(digest)) return;
      if (role === "referrer") {
        this.index.add(unnamedEntry(described));
        return;
      }
    }
    const { registry, repository: path } = parseRepository(repository);
    const name = isDigest(reference)
      ? { registry, repository: path, digest }
      : { registry, repository: path, tag: reference };
    if (isDigest(reference) && !this.#isWanted(name)) return;
    const children = this.#heldChildren(content);
    this.index.add(namedEntry(name, described, children));
  }

  /** The children of an index that are there; undefined for all. */
  #heldChildren(content: ManifestContent): Digest[] | undefined {
    if (!isIndexType(content.mediaType)) return undefined;
    const manifest = parseContent(content);
    if (manifest.kind !== "index") return undefined;
    const held: Digest[] = [];
    for (const { digest } of manifest.entries) {
      if (this.#used.has(digest)) held.push(digest);
    }
    return held.length === manifest.entries.length ? undefined : held;
  }

  /** Writes content unless it is there; one writer at a time for each. */
  async #once(
    { digest, size }: Content,
    write: () => Promise<void>,
  ): Promise<void> {
    for (let other; (other = this.#writing.get(digest));) await other;
    if (await this.#medium.sizeOf(digest) === size) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writing.set(digest, promise);
    try {
      await write();
    } finally {
      this.#writing.delete(digest);
      resolve();
    }
  }
}

/** Moves all content of a source to where it is kept. */
async function pour(
  source: UploadSource,
  incoming: { write(bytes: Uint8Array): Promise<void> },
  signal: AbortSignal | undefined,
): Promise<void> {
  const reader = await source.openAt(0, signal);
  try {
    let at = 0;
    for (let piece; (piece = await reader.read());) {
      signal?.throwIfAborted();
      await incoming.write(piece);
      source.sent?.(at, piece.byteLength);
      at += piece.byteLength;
    }
  } finally {
    await reader.cancel();
  }
}
