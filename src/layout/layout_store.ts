/**
 * An archive as a store. All its repositories have one pool of content. The
 * name of a repository begins with its registry: `docker.io/library/nginx`.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import { parseRepository, type Reference } from "../names/reference.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest, verifyBytes } from "../oci/digest.ts";
import {
  describeManifest,
  isIndexType,
  type ManifestContent,
  MAX_MANIFEST_BYTES,
} from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import type {
  BlobMounter,
  CallOptions,
  DestinationStore,
  ManifestRole,
  MountResult,
  PutManifestResult,
  SourceStore,
  UploadSource,
} from "../oci/store.ts";
import {
  type ArchiveIndex,
  fullName,
  namedEntry,
  unnamedEntry,
} from "./archive_index.ts";
import type { LeftOut } from "./archive_record.ts";
import type { FarSide } from "./far_side.ts";
import type { Content } from "./content.ts";
import type { Medium, MediumReader } from "./medium.ts";

/** How many tags a page of a listing has. */
const PAGE_TAGS = 1_000;

/** Reads from an archive. */
export class LayoutSource implements SourceStore {
  readonly id: string;
  protected readonly index: ArchiveIndex;
  protected readonly types = new Map<Digest, string>();
  readonly #medium: MediumReader;

  constructor(medium: MediumReader, index: ArchiveIndex) {
    this.id = medium.name;
    this.index = index;
    this.#medium = medium;
  }

  /** An archive keeps indexes of which it has only some children. */
  readonly partial = {
    holds: async (_repository: string, digest: Digest): Promise<boolean> =>
      await this.#medium.sizeOf(digest) !== undefined,
  };

  async getManifest(
    repository: string,
    reference: string,
    { signal }: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    signal?.throwIfAborted();
    return await this.readManifest(repository, reference);
  }

  /** Whether some content is there, whoever uses it. */
  async hasContent({ digest, size }: Content): Promise<boolean> {
    return await this.#medium.sizeOf(digest) === size;
  }

  /** A manifest, checked; undefined where it is not there. */
  protected async readManifest(
    repository: string,
    reference: string,
  ): Promise<ManifestContent | undefined> {
    const named = isDigest(reference)
      ? undefined
      : this.index.find(canonical(repository), reference);
    const digest = isDigest(reference) ? reference : named?.digest;
    if (digest === undefined) return undefined;
    const size = await this.#medium.sizeOf(digest);
    if (size === undefined) {
      if (!named) return undefined;
      throw new HangarError(
        "invalid-archive",
        `${this.id} names ${digest} and does not hold it: it is damaged or not whole`,
      );
    }
    if (named && named.size !== size) {
      throw new HangarError(
        "invalid-archive",
        `${this.id}: its index.json says that ${digest} has ${named.size} bytes, and it has ${size}`,
      );
    }
    const bytes = await this.#readWhole({ digest, size }, MAX_MANIFEST_BYTES);
    verifyBytes(bytes, { digest, size });
    const mediaType = this.types.get(digest) ?? named?.mediaType ??
      typeOf(digest, bytes);
    return { mediaType, digest, bytes };
  }

  async headManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<Descriptor | undefined> {
    const content = await this.getManifest(repository, reference, options);
    return content && describeManifest(content);
  }

  async openBlob(
    _repository: string,
    blob: Descriptor,
    { signal, offset = 0 }: CallOptions & { readonly offset?: number } = {},
  ): Promise<ByteReader> {
    signal?.throwIfAborted();
    return await this.#medium.open(blob, offset);
  }

  async readBlob(
    _repository: string,
    blob: Descriptor,
    limit: number,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const bytes = await this.#readWhole(blob, limit);
    verifyBytes(bytes, blob);
    return bytes;
  }

  async *listTags(
    repository: string,
    { signal, maxPages }: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]> {
    const tags = this.index.tagsOf(canonical(repository));
    if (!tags) {
      throw new HangarError("not-found", `${this.id} has no ${repository}`, {
        status: 404,
      });
    }
    for (let page = 0; page * PAGE_TAGS < tags.length; page++) {
      signal?.throwIfAborted();
      if (page >= maxPages) {
        throw new HangarError(
          "too-large",
          `${this.id}: ${repository} has more than ${maxPages} pages of tags`,
        );
      }
      yield tags.slice(page * PAGE_TAGS, (page + 1) * PAGE_TAGS);
    }
  }

  /** An archive keeps referrers in the list under their subject's tag. */
  listReferrers(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #readWhole(content: Content, limit: number): Promise<Uint8Array> {
    if (content.size > limit) {
      throw new HangarError(
        "too-large",
        `${content.digest} has ${content.size} bytes, the limit is ${limit}`,
      );
    }
    const reader = await this.#medium.open(content, 0);
    const bytes = new Uint8Array(content.size);
    let at = 0;
    try {
      for (let piece; (piece = await reader.read());) {
        if (at + piece.length > bytes.length) break;
        bytes.set(piece, at);
        at += piece.length;
      }
    } finally {
      await reader.cancel();
    }
    return bytes.subarray(0, at);
  }
}

/** The name of a repository as the index has it. */
function canonical(repository: string): string {
  return fullName(parseRepository(repository));
}

/** The type of a manifest, by its bytes; empty where they do not say it. */
function typeOf(digest: Digest, bytes: Uint8Array): string {
  try {
    return parseContent({ mediaType: "", digest, bytes }).content.mediaType;
  } catch {
    return "";
  }
}

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
    for (const [digest, size] of this.#used) yield { digest, size };
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
    const digests = [...found].map(({ digest }) => digest);
    return [...new Set([...this.#kept, ...digests])]
      .filter((digest) => !this.#used.has(digest));
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
