/**
 * A store in memory, as strict as a registry that checks what it is given. It
 * records each call, so that tests can count them.
 *
 * @module
 */

import { type ByteReader, bytesReader } from "../../src/bytes.ts";
import { HangarError } from "../../src/errors.ts";
import { subjectOf } from "../../src/oci/attachment.ts";
import {
  type Digest,
  digestAlgorithm,
  digestOf,
  isDigest,
  verifyBytes,
} from "../../src/oci/digest.ts";
import type {
  Descriptor,
  Manifest,
  ManifestContent,
} from "../../src/oci/manifest.ts";
import { parseContent } from "../../src/oci/parse_manifest.ts";
import type {
  BlobMounter,
  CallOptions,
  DestinationStore,
  ManifestRole,
  MountResult,
  OpenUpload,
  PartialIndexes,
  PutManifestResult,
  UploadSource,
} from "../../src/oci/store.ts";
import type { MadeImage } from "./images.ts";

/** What a {@linkcode MemoryStore} can do. */
export interface MemoryStoreOptions {
  /** @default {"memory"} */
  readonly id?: string;
  /** Whether blobs can be mounted; with "ignored" uploads are opened instead. @default {"yes"} */
  readonly mounts?: "yes" | "ignored" | "no";
  /** Whether it lists referrers itself. @default {true} */
  readonly referrers?: boolean;
  /** Whether it takes indexes of which it lacks entries. @default {false} */
  readonly sparse?: boolean;
  /** Whether it lacks entries of its indexes on purpose. @default {false} */
  readonly partial?: boolean;
  /** Tags on a page of a listing. @default {3} */
  readonly pageSize?: number;
}

/** One call of a store. */
export interface StoreCall {
  readonly call:
    | "getManifest"
    | "headManifest"
    | "putManifest"
    | "hasBlob"
    | "openBlob"
    | "readBlob"
    | "writeBlob"
    | "mountBlob"
    | "listTags"
    | "listReferrers";
  readonly repository: string;
  /** A tag or a digest. */
  readonly reference?: string;
}

interface Repository {
  readonly blobs: Map<string, Uint8Array>;
  readonly manifests: Map<string, ManifestContent>;
  readonly tags: Map<string, Digest>;
}

/** Holds content in memory. */
export class MemoryStore implements DestinationStore, BlobMounter {
  readonly id: string;
  readonly mounter?: BlobMounter;
  readonly partial?: PartialIndexes;
  readonly calls: StoreCall[] = [];
  /** The roles in which manifests were put, by `repository@digest`. */
  readonly roles = new Map<string, ManifestRole[]>();
  /** How many bytes of blobs were sent. */
  received = 0;
  readonly #options: MemoryStoreOptions;
  readonly #repositories = new Map<string, Repository>();

  constructor(options: MemoryStoreOptions = {}) {
    this.id = options.id ?? "memory";
    this.#options = options;
    if (options.mounts !== "no") this.mounter = this;
    if (options.partial) {
      this.partial = {
        holds: (repository, digest) =>
          Promise.resolve(this.#find(repository, digest) !== undefined),
      };
    }
  }

  /** Puts an image there, as if it had been pushed before. */
  install(repository: string, tag: string | undefined, image: MadeImage): void {
    const { blobs, manifests, tags } = this.#of(repository);
    for (const [digest, bytes] of image.blobs) blobs.set(digest, bytes);
    for (const { digest, mediaType, bytes } of image.manifests) {
      if (!isDigest(digest)) throw new Error(`${digest} is no digest`);
      manifests.set(digest, { mediaType, digest, bytes });
    }
    if (tag !== undefined && isDigest(image.digest)) {
      tags.set(tag, image.digest);
    }
  }

  /** What a tag points at. */
  tag(repository: string, tag: string): string | undefined {
    return this.#repositories.get(repository)?.tags.get(tag);
  }

  /** Whether a blob is there, whole. */
  holds(repository: string, digest: string): boolean {
    return this.#repositories.get(repository)?.blobs.has(digest) ?? false;
  }

  /** Takes a blob or manifest away, or puts other bytes in its place. */
  damage(repository: string, digest: string, bytes?: Uint8Array): void {
    const { blobs, manifests } = this.#of(repository);
    const held = manifests.get(digest);
    if (held && bytes) manifests.set(digest, { ...held, bytes });
    else if (bytes) blobs.set(digest, bytes);
    else {
      manifests.delete(digest);
      blobs.delete(digest);
    }
  }

  /** How many calls there were of a kind. */
  count(call: StoreCall["call"]): number {
    return this.calls.filter((one) => one.call === call).length;
  }

  async getManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<ManifestContent | undefined> {
    await this.#note("getManifest", repository, reference, options);
    const content = this.#find(repository, reference);
    if (!content) return undefined;
    verifyBytes(content.bytes, {
      digest: content.digest,
      size: content.bytes.byteLength,
    });
    return content;
  }

  async headManifest(
    repository: string,
    reference: string,
    options: CallOptions = {},
  ): Promise<Descriptor | undefined> {
    await this.#note("headManifest", repository, reference, options);
    const content = this.#find(repository, reference);
    return content && {
      mediaType: content.mediaType,
      digest: content.digest,
      size: content.bytes.byteLength,
      json: {},
    };
  }

  async putManifest(
    repository: string,
    reference: string,
    content: ManifestContent,
    options: CallOptions & { readonly role: ManifestRole },
  ): Promise<PutManifestResult> {
    await this.#note("putManifest", repository, reference, options);
    const manifest = parseContent(content);
    const { digest } = content;
    if (digestOf(content.bytes, digestAlgorithm(digest)) !== digest) {
      throw new Error(`what was put is not ${digest}`);
    }
    this.#checkComplete(repository, manifest);
    const { manifests, tags } = this.#of(repository);
    manifests.set(digest, content);
    if (!isDigest(reference)) tags.set(reference, digest);
    else if (reference !== digest) {
      throw new Error(`${digest} was put under ${reference}`);
    }
    const key = `${repository}@${digest}`;
    this.roles.set(key, [...this.roles.get(key) ?? [], options.role]);
    const { referrers = true } = this.#options;
    return { listed: referrers && subjectOf(manifest) !== undefined };
  }

  async hasBlob(
    repository: string,
    { digest, size }: Descriptor,
    options: CallOptions = {},
  ): Promise<boolean> {
    await this.#note("hasBlob", repository, digest, options);
    return this.#blob(repository, digest)?.byteLength === size;
  }

  async openBlob(
    repository: string,
    { digest }: Descriptor,
    options: CallOptions & { readonly offset?: number } = {},
  ): Promise<ByteReader> {
    await this.#note("openBlob", repository, digest, options);
    return bytesReader(
      this.#existing(repository, digest).subarray(options.offset ?? 0),
    );
  }

  async readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    options: CallOptions = {},
  ): Promise<Uint8Array> {
    await this.#note("readBlob", repository, blob.digest, options);
    if (blob.size > limit) {
      throw new HangarError("too-large", `${blob.digest} is too large`);
    }
    const bytes = this.#existing(repository, blob.digest);
    verifyBytes(bytes, blob);
    return bytes;
  }

  async mountBlob(
    repository: string,
    { digest }: Descriptor,
    from: string,
    options: CallOptions = {},
  ): Promise<MountResult> {
    await this.#note("mountBlob", repository, digest, options);
    const bytes = this.#blob(from, digest);
    if (!bytes || this.#options.mounts === "ignored") {
      return {
        mounted: false,
        upload: { cancel: () => Promise.resolve() },
      };
    }
    this.#of(repository).blobs.set(digest, bytes);
    return { mounted: true };
  }

  async writeBlob(
    repository: string,
    blob: Descriptor,
    source: UploadSource,
    options: CallOptions & { readonly upload?: OpenUpload },
  ): Promise<void> {
    await this.#note("writeBlob", repository, blob.digest, options);
    const reader = await source.openAt(0, options.signal);
    const pieces: Uint8Array[] = [];
    let size = 0;
    for (let piece; (piece = await reader.read());) {
      source.sent?.(size, piece.byteLength);
      size += piece.byteLength;
      pieces.push(piece);
    }
    const bytes = new Uint8Array(
      await new Blob([
        ...pieces.map((piece) => new Uint8Array(piece)),
      ]).arrayBuffer(),
    );
    verifyBytes(bytes, blob);
    this.received += size;
    this.#of(repository).blobs.set(blob.digest, bytes);
  }

  async *listTags(
    repository: string,
    options: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]> {
    await this.#note("listTags", repository, undefined, options);
    const { pageSize = 3 } = this.#options;
    const held = this.#repositories.get(repository);
    if (!held) throw new HangarError("not-found", `there is no ${repository}`);
    const tags = [...held.tags.keys()].sort();
    for (let page = 0; page * pageSize < tags.length; page++) {
      if (page >= options.maxPages) {
        throw new HangarError("too-large", "there are more pages");
      }
      yield tags.slice(page * pageSize, (page + 1) * pageSize);
    }
  }

  async listReferrers(
    repository: string,
    digest: Digest,
    options: CallOptions = {},
  ): Promise<readonly Descriptor[] | undefined> {
    await this.#note("listReferrers", repository, digest, options);
    const { referrers = true } = this.#options;
    if (!referrers) return undefined;
    const held = this.#repositories.get(repository)?.manifests ?? new Map();
    return [...held.values()].flatMap((content: ManifestContent) => {
      const manifest = parseContent(content);
      return subjectOf(manifest) === digest ? [describe(manifest)] : [];
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** Registries refuse a manifest whose parts they lack; foreign layers aside. */
  #checkComplete(repository: string, manifest: Manifest): void {
    const { blobs, manifests } = this.#of(repository);
    const { sparse } = this.#options;
    if (sparse && manifest.kind === "index") return;
    const lacking = manifest.kind === "index"
      ? manifest.entries.filter(({ digest }) => !manifests.has(digest))
      : [manifest.config, ...manifest.layers].filter(({ digest, urls }) =>
        !urls?.length && !blobs.has(digest)
      );
    if (lacking.length === 0) return;
    throw new HangarError(
      "registry",
      `it lacks ${lacking.map(({ digest }) => digest).join(", ")}`,
      { status: 404, registryCodes: ["MANIFEST_BLOB_UNKNOWN"] },
    );
  }

  #find(repository: string, reference: string): ManifestContent | undefined {
    const held = this.#repositories.get(repository);
    const digest = isDigest(reference) ? reference : held?.tags.get(reference);
    return digest && held?.manifests.get(digest);
  }

  #blob(repository: string, digest: string): Uint8Array | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  #existing(repository: string, digest: string): Uint8Array {
    const bytes = this.#blob(repository, digest);
    if (bytes) return bytes;
    throw new HangarError("not-found", `there is no ${digest}`, {
      status: 404,
    });
  }

  #of(repository: string): Repository {
    let held = this.#repositories.get(repository);
    if (!held) {
      held = { blobs: new Map(), manifests: new Map(), tags: new Map() };
      this.#repositories.set(repository, held);
    }
    return held;
  }

  async #note(
    call: StoreCall["call"],
    repository: string,
    reference: string | undefined,
    { signal }: CallOptions,
  ): Promise<void> {
    // What is awaited elsewhere takes a turn here too.
    await Promise.resolve();
    signal?.throwIfAborted();
    this.calls.push({ call, repository, reference });
  }
}

function describe({ content, json }: Manifest): Descriptor {
  const { artifactType } = json;
  return {
    mediaType: content.mediaType,
    digest: content.digest,
    size: content.bytes.byteLength,
    ...(typeof artifactType === "string" && { artifactType }),
    json: {
      mediaType: content.mediaType,
      digest: content.digest,
      size: content.bytes.byteLength,
    },
  };
}
