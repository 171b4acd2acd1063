/**
 * The small interfaces that the engine knows: content by repository and
 * digest. A registry implements them, and so does the tests' memory.
 *
 * @module
 */

import type { Attempts } from "../attempts.ts";
import type { ByteReader } from "../bytes.ts";
import type { Digest } from "./digest.ts";
import type { Descriptor, ManifestContent } from "./manifest.ts";

/** Options of every call that can wait. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/**
 * Runs a piece of work under a name that traces show, with attributes. The work
 * may add attributes.
 */
export type Trace = <T>(
  name: string,
  attributes: TraceAttributes,
  work: (annotate: (more: TraceAttributes) => void) => Promise<T>,
) => Promise<T>;

/** The attributes of a piece of work. */
export type TraceAttributes = Readonly<
  Record<string, string | number | boolean>
>;

/** A tag or a digest. */
export type TagOrDigest = string;

/** Reads manifests. */
export interface ManifestReader {
  /**
   * The manifest, its bytes checked against the digest where one was asked for;
   * `undefined` when there is none (only 404 means that).
   */
  getManifest(
    repository: string,
    reference: TagOrDigest,
    options?: CallOptions,
  ): Promise<ManifestContent | undefined>;
  /**
   * What a reference points at, without its content; `undefined` when there
   * is none. A registry that does not tell the digest on HEAD is asked by GET.
   */
  headManifest(
    repository: string,
    reference: TagOrDigest,
    options?: CallOptions,
  ): Promise<Descriptor | undefined>;
}

/**
 * The role of a manifest in its repository. Some stores cannot tell it by
 * themselves.
 */
export type ManifestRole =
  /** An index names it. */
  | "child"
  /** It is an image of its own, by a tag or by its digest. */
  | "root"
  /** It belongs to another manifest: by its subject, or by a tag of cosign's. */
  | "referrer";

/** The answer of a store that accepted a manifest. */
export interface PutManifestResult {
  /**
   * Whether it will list the manifest among the referrers of its subject
   * (`OCI-Subject`); otherwise the client has to keep the list.
   */
  readonly listed: boolean;
}

/** Writes manifests. */
export interface ManifestWriter {
  /** Stores the bytes as they are under a tag or under their own digest. */
  putManifest(
    repository: string,
    reference: TagOrDigest,
    manifest: ManifestContent,
    options: CallOptions & { readonly role: ManifestRole },
  ): Promise<PutManifestResult>;
}

/** Deletes manifests; only some stores can. */
export interface ManifestRemover {
  /**
   * Takes away a tag, or a manifest with all its tags; false when there was
   * none.
   */
  deleteManifest(
    repository: string,
    reference: TagOrDigest,
    options?: CallOptions,
  ): Promise<boolean>;
}

/** Reads blobs. */
export interface BlobReader {
  /**
   * Opens a blob's content. The caller holds a transfer slot (see
   * {@linkcode TransferGate}), reads to the end or cancels, and checks the
   * digest: the content is what the store sent.
   *
   * @throws {HangarError} `not-found`, or any fault of the store
   */
  openBlob(
    repository: string,
    blob: Descriptor,
    options?: CallOptions & {
      /** Where to begin, in bytes. @default {0} */
      readonly offset?: number;
    },
  ): Promise<ByteReader>;
  /**
   * A small blob, such as a config, whole and checked.
   *
   * @throws {HangarError} `too-large` past `limit` bytes
   */
  readBlob(
    repository: string,
    blob: Descriptor,
    limit: number,
    options?: CallOptions,
  ): Promise<Uint8Array>;
}

/** Where a blob's content comes from. */
export interface UploadSource {
  /**
   * Opens the content from an offset on, checked: the reader fails, instead of
   * ending, when the content has another size, or another digest where the
   * store has not shown that it checks that itself. Only one reader may be open
   * at a time.
   */
  openAt(offset: number, signal?: AbortSignal): Promise<ByteReader>;
  /** Bytes of the content go out, from an offset on. */
  sent?(offset: number, count: number): void;
  /** Why reading failed, if it did. Then this is the error to report. */
  readonly fault?: { readonly error: unknown };
}

/** An upload that a store has opened, to be continued or cancelled once. */
export interface OpenUpload {
  cancel(): Promise<void>;
}

/** What became of the request to mount a blob. */
export type MountResult =
  | { readonly mounted: true }
  /** The store opened an upload instead, as the distribution-spec allows. */
  | { readonly mounted: false; readonly upload?: OpenUpload };

/** Links blobs from one repository of a store to another. */
export interface BlobMounter {
  /** Asks the store to link a blob that another of its repositories holds. */
  mountBlob(
    repository: string,
    blob: Descriptor,
    from: string,
    options?: CallOptions,
  ): Promise<MountResult>;
}

/** What a store did with content under a digest that it does not have. */
export type DigestTrialResult =
  /** It refused it for that reason, and does not hold it. */
  | "refused"
  /** It stored it. */
  | "taken"
  | "unclear";

/** Finds out whether a store checks the digests of what it is sent. */
export interface DigestTrier {
  /**
   * Sends a few bytes under a digest that they do not have. The caller holds a
   * transfer slot.
   *
   * @throws {HangarError} any fault of the store
   */
  tryWrongDigest(
    repository: string,
    options?: CallOptions,
  ): Promise<DigestTrialResult>;
}

/** Writes blobs. */
export interface BlobWriter {
  /** Only a store that can mount blobs has one. */
  readonly mounter?: BlobMounter;
  /**
   * Only a store that may check digests itself has one: the content of large
   * blobs is not checked twice then.
   */
  readonly digestTrier?: DigestTrier;
  /** Whether the repository holds the blob, with the right size. */
  hasBlob(
    repository: string,
    blob: Descriptor,
    options?: CallOptions,
  ): Promise<boolean>;
  /**
   * Sends a blob. The caller holds a transfer slot. A broken upload is
   * continued where the store can tell how far it got, and started again
   * otherwise, as long as `attempts` allows. An upload that does not complete
   * is cancelled.
   */
  writeBlob(
    repository: string,
    blob: Descriptor,
    source: UploadSource,
    options: CallOptions & {
      readonly upload?: OpenUpload;
      /** The attempts of one step: each has its own. */
      readonly attempts: () => Attempts;
    },
  ): Promise<void>;
}

/** Lists tags. */
export interface TagLister {
  /**
   * The pages of a repository's tags, `maxPages` at most.
   *
   * @throws {HangarError} `not-found` for an unknown repository, `too-large`
   * when there are more pages
   */
  listTags(
    repository: string,
    options: CallOptions & { readonly maxPages: number },
  ): AsyncIterable<readonly string[]>;
}

/** Lists referrers. */
export interface ReferrerLister {
  /**
   * The manifests whose subject is `digest`; undefined where the registry has
   * no API for that, and a tag holds the list instead.
   */
  listReferrers(
    repository: string,
    digest: Digest,
    options?: CallOptions,
  ): Promise<readonly Descriptor[] | undefined>;
}

/**
 * The identity of the store: blobs can be mounted between repositories of one
 * identity.
 */
export interface StoreIdentity {
  /**
   * Its name in messages: for a registry, its canonical `host[:port]`. Equal
   * for two stores that hold the same content.
   */
  readonly id: string;
}

/**
 * Tells what a store holds that keeps indexes of which it has only some
 * entries.
 */
export interface PartialIndexes {
  /** Whether the repository holds a manifest that one of its indexes names. */
  holds(
    repository: string,
    digest: Digest,
    options?: CallOptions,
  ): Promise<boolean>;
}

/**
 * Transfers of a source whose content several destinations read at once. They take
 * their slots in common.
 */
export interface SharedTransfers {
  /**
   * Waits for the slots of a transfer to one destination, the source's included;
   * the returned function gives them back.
   */
  enter(
    repository: string,
    blob: Descriptor,
    destinationId: string,
    options?: CallOptions,
  ): Promise<() => void>;
}

/**
 * A side that images are read from. Disposing of it waits for the work that its
 * callers share.
 */
export interface SourceStore
  extends
    StoreIdentity,
    ManifestReader,
    BlobReader,
    TagLister,
    ReferrerLister,
    AsyncDisposable {
  /**
   * Only a store that lacks entries of its indexes on purpose has it, such as an
   * archive of some platforms. Those entries are then not selected. In any other
   * store, a selected entry that is not there is a fault.
   */
  readonly partial?: PartialIndexes;
  /**
   * Only a source that several destinations share has it. Reading such a source
   * takes its slots itself.
   */
  readonly transfers?: SharedTransfers;
  /**
   * Only a source that remembers answers has it: the same content, asked for anew.
   */
  readonly fresh?: ManifestReader;
}

/**
 * A side that images are written to. Disposing of it makes sure that all that
 * was written is kept.
 */
export interface DestinationStore
  extends SourceStore, ManifestWriter, BlobWriter {}

/**
 * Bounds what is in transfer. A blob transfer holds one slot at each of its
 * two ends (two at one registry) for its whole length.
 */
export interface TransferGate {
  /**
   * Waits for the slots; the returned function gives them back.
   *
   * @param options of the transfer: small ones are not kept waiting by large
   * ones, so it helps to say how many `bytes` go over
   */
  enter(
    storeIds: readonly string[],
    options?: CallOptions & { readonly bytes?: number },
  ): Promise<() => void>;
  /** Waits for a slot at one more store, for a transfer that has its slots. */
  enterWithin(
    storeId: string,
    options?: CallOptions & { readonly bytes?: number },
  ): Promise<() => void>;
  /**
   * Waits for a slot at each store, for one transfer between them all. The returned
   * functions give the slots back one by one, in the order of the stores.
   */
  enterTogether(
    storeIds: readonly string[],
    options?: CallOptions & { readonly bytes?: number },
  ): Promise<readonly (() => void)[]>;
}
