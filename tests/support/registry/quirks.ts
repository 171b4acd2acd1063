/**
 * What registries do in their own way.
 *
 * @module
 */

/** How a registry differs from the plain one. */
export interface Quirks {
  /** `Location` without scheme and host. */
  readonly relativeLocation?: boolean;
  /** `Location` with a query of its own, which must come back unchanged. */
  readonly locationQuery?: string;
  readonly ignoreMounts?: boolean;
  /** The status for a PATCH without a length. */
  readonly refuseStream?: 411 | 413;
  /** `OCI-Chunk-Min-Length`; nothing may follow a smaller chunk. */
  readonly minChunk?: number;
  /** Bodies above this are answered 413. */
  readonly maxBody?: number;
  readonly omitDigestHeader?: boolean;
  /** A broken PATCH ends its upload, as with docker-registry 2.8. */
  readonly forgetBrokenUploads?: boolean;
  /** A range without an end is refused, as by go-containerregistry's registry. */
  readonly refusesOpenRanges?: boolean;
  /** GET of a blob sends all of it, whatever range was asked for. */
  readonly ignoreRange?: boolean;
  /**
   * A PATCH or PUT of a blob breaks when more than so many bytes of it have
   * come; asked with each piece that comes.
   */
  readonly breakUploads?: () => number;
  /** Headers of every answer. */
  readonly headers?: () => Readonly<Record<string, string>>;
  /** Blobs are redirected to this origin, which holds the same. */
  readonly blobOrigin?: () => string;
  /** Clients may meet uploads that are gone: requests get lost on the way. */
  readonly lossy?: boolean;
  /** Listing tags is refused with this status. */
  readonly tagsStatus?: number;
  /** Foreign layers must be there too. */
  readonly wantForeignLayers?: boolean;
  /** The status for a PUT of a blob without a length. */
  readonly refuseChunkedPut?: 411;
  /** A PUT of a blob without a length breaks, as behind tinyproxy. */
  readonly breakChunkedPut?: boolean;
  /** Answers to uploads have neither a length nor a range. */
  readonly bareAccepted?: boolean;
  /**
   * An index whose entries are not there: it is taken, or refused as zot does.
   *
   * @default refused, with a code for each entry
   */
  readonly sparse?: "taken" | "invalid";
  /** Manifests of these media types are refused. */
  readonly refusesTypes?: readonly string[];
  /** What it says when a tag that points elsewhere is pushed. */
  readonly immutableTags?: { readonly status: number; readonly code: string };
  /** Uploads go to a path of its own, outside of the repository's. */
  readonly uploadPath?: string;
  /** What it holds under a digest stays, whatever it is sent for it. */
  readonly keepsContent?: boolean;
  /** Blobs are known by their sha256 alone, whatever digest they came under. */
  readonly sha256Only?: boolean;
  /**
   * Content is held under its sha256, which answers name, whatever digest it
   * came under. A blob is found by the digest of its upload too; to mount it by
   * that is answered 201, and does nothing. Manifests have no other digest.
   */
  readonly answersSha256?: boolean;
  /** Repositories have to be made before they are pushed to. */
  readonly knownRepositories?: readonly string[];
  /** Manifests with foreign layers are refused, whatever is there. */
  readonly refusesForeignLayers?: boolean;
  /** A chunk is appended, whatever place its `Content-Range` names. */
  readonly appendsAnyChunk?: boolean;
  /** The `Content-Range` of the PUT that ends an upload is not looked at. */
  readonly ignoresPutRange?: boolean;
  /** The answer to a range outside of the blob breaks off. */
  readonly breaksBadRanges?: boolean;
  /** A POST with a digest only opens an upload; its body is not read. */
  readonly ignoresPostDigest?: boolean;
  /** A POST with a digest opens an upload that has its body already. */
  readonly keepsPostBody?: boolean;
  /**
   * `Location` counts the bytes of its upload. A request with an older count is
   * refused by this status: 404 for any request, which ends the upload, or 416
   * for those that carry content.
   */
  readonly countedLocation?: 404 | 416;
  /** Tags come all at once and in no order, whatever page is asked for. */
  readonly ignoresTagPaging?: boolean;
  /** The filter of the referrers API is not applied. */
  readonly ignoresArtifactType?: boolean;
  /** The status for a reference that is neither a tag nor a digest. */
  readonly badReferenceStatus?: 500;
  /** Content of so many bytes is stored under whatever digest it comes with. */
  readonly takesAnyDigest?: (bytes: number) => boolean;
  /** How content with a wrong digest is refused; it may be kept all the same. */
  readonly digestRefusal?: {
    readonly status: number;
    readonly code: string;
    readonly keeps?: boolean;
  };
  /** A byte of content of so many bytes is changed on its way here. */
  readonly altersUpload?: (bytes: number) => boolean;
  /** What can be deleted, if not everything. */
  readonly deletes?: "nothing" | "digests";
}
