/**
 * What copying needs to know: from where, to where, and by what rules.
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Attempts, Trace, TransferGate } from "../oci/store.ts";
import type { AttachmentFinder } from "./attachment_finder.ts";
import type { BlobLedger } from "./blob_ledger.ts";
import type { KeyedLock } from "./keyed_lock.ts";
import type { OwnMounts } from "./own_mounts.ts";
import type { DestinationSide, SourceSide } from "./sides.ts";

/** What became of a signature or referrer. */
export type AttachmentFate = "found" | "copied" | "signed";

/** What copying tells. */
export interface CopyEvents {
  /** Something that the user should know, and that is no failure. */
  warn(message: string): void;
  /** Something worth knowing, that is nothing to act on. */
  note?(message: string): void;
  /** A signature or referrer was found at the source, sent, or made. */
  onAttachment?(how: AttachmentFate): void;
  /** A blob is looked at, and brought if it is not there. */
  onBlobStarted?(size: number): void;
  /** Bytes of a blob went out to the destination. */
  onBytes?(count: number): void;
  /** So many bytes of a blob go out once more. */
  onResent?(count: number): void;
  /** A blob is at the destination; told once per image and blob. */
  onBlob?(
    digest: Digest,
    size: number,
    how: "sent" | "mounted" | "present",
  ): void;
}

/** What all copies of a run share. */
export interface CopyTools {
  readonly blobs: BlobLedger;
  /** By digest and type, since each index may call a manifest what it likes. */
  readonly manifests: BlobLedger<string>;
  readonly ownMounts: OwnMounts;
  readonly gate: TransferGate;
  /** One writer at a time for each tag that is added to. */
  readonly locks: KeyedLock;
  readonly finder: AttachmentFinder;
  /** @default {nothing is traced} */
  readonly trace?: Trace;
  /** The attempts of one step of a transfer. */
  readonly attempts: () => Attempts;
}

/** One copy: from a repository to a repository. */
export interface CopyContext extends CopyTools, SourceSide, DestinationSide {
  readonly events: CopyEvents;
  /** Configs that were read already, not to be asked for again. */
  readonly cache: Map<Digest, Uint8Array>;
  /** What may still be read for this image: an index may lead to any number. */
  readonly allowance: { manifests: number };
  /** Manifests that were read already. */
  readonly manifestCache: Map<Digest, Manifest>;
  /**
   * Manifests that the destination repository is known to hold, with what its
   * tag calls them: not looked at.
   */
  readonly present: ReadonlyMap<Digest, string>;
  /**
   * Nothing at the destination is taken for granted: what is there is read and
   * hashed, sent again where it is missing or different, and read once more.
   *
   * @default {false}
   */
  readonly recheck?: boolean;
}
