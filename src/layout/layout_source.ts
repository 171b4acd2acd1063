/**
 * An archive as what images are read from. All its repositories have one pool of
 * content. The name of a repository begins with its registry:
 * `docker.io/library/nginx`.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import { parseRepository } from "../names/reference.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest, verifyBytes } from "../oci/digest.ts";
import {
  describeManifest,
  type ManifestContent,
  MAX_MANIFEST_BYTES,
} from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import type { CallOptions, SourceStore } from "../oci/store.ts";
import { type ArchiveIndex, fullName } from "./archive_index.ts";
import type { Content } from "./content.ts";
import type { MediumReader } from "./medium.ts";
import { checkedReader, namingFiles } from "./naming_damage.ts";
import { UnlistedReferrers } from "./unlisted_referrers.ts";

/** How many tags a page of a listing has. */
const PAGE_TAGS = 1_000;

/** Reads from an archive. */
export class LayoutSource implements SourceStore {
  readonly id: string;
  protected readonly index: ArchiveIndex;
  protected readonly types = new Map<Digest, string>();
  readonly #medium: MediumReader;
  readonly #unlisted: UnlistedReferrers;

  constructor(medium: MediumReader, index: ArchiveIndex) {
    this.id = medium.name;
    this.index = index;
    this.#medium = medium;
    this.#unlisted = new UnlistedReferrers(
      index,
      (digest) => this.readManifest("", digest),
    );
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
    namingFiles(
      this.#filesOf(digest),
      () => verifyBytes(bytes, { digest, size }),
    );
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
    const size = await this.#medium.sizeOf(blob.digest);
    // It will not be longer in a moment, as an answer of a registry may be.
    if (size !== undefined && size !== blob.size) {
      throw new HangarError(
        "content-mismatch",
        `${blob.digest} has ${size} bytes there instead of ${blob.size}: it is damaged`,
      );
    }
    const reader = await this.#medium.open(blob, offset);
    const files = this.#filesOf(blob.digest);
    return offset === 0 && files.length > 0
      ? checkedReader(reader, blob, files)
      : reader;
  }

  #filesOf(digest: Digest): readonly string[] {
    return this.#medium.filesOf?.(digest) ?? [];
  }

  async readBlob(
    _repository: string,
    blob: Descriptor,
    limit: number,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const bytes = await this.#readWhole(blob, limit);
    namingFiles(this.#filesOf(blob.digest), () => verifyBytes(bytes, blob));
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

  /**
   * Those that no list under their subject's tag names. Archives of hangar have
   * such lists; other tools leave referrers without one.
   */
  async listReferrers(
    _repository: string,
    digest: Digest,
    { signal }: CallOptions = {},
  ): Promise<readonly Descriptor[] | undefined> {
    signal?.throwIfAborted();
    return await this.#unlisted.of(digest);
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
