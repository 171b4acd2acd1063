/**
 * The services that all copies of a run share, and the events of copying.
 *
 * @module
 */

import type { Attempts } from "../attempts.ts";
import type { Digest } from "../oci/digest.ts";
import type { Trace, TransferGate } from "../oci/store.ts";
import type { AttachmentFinder } from "./attachments/attachment_finder.ts";
import type { ContentLedger } from "./content_ledger.ts";
import type { Expectation } from "./expectation.ts";
import type { KeyedLock } from "./keyed_lock.ts";
import type { DigestChecks } from "./blobs/digest_checks.ts";
import type { Mounts } from "./blobs/mounts.ts";

/** How the copy of a signature or referrer ended. */
export type AttachmentFate = "found" | "copied" | "signed" | "attested";

/** The events of copying. */
export interface CopyEvents {
  /** Something that the user should know, but not a failure. */
  warn(message: string): void;
  /** Something worth knowing that needs no action. */
  note?(
    message: string,
    options?: {
      /** Whether the outcome of the image says the same. */
      readonly isInOutcome?: boolean;
    },
  ): void;
  /** A signature or referrer was found at the source, sent, or made. */
  onAttachment?(how: AttachmentFate): void;
  /** A blob is looked at, and brought if it is not there. */
  onBlobStarted?(size: number): void;
  /**
   * A blob begins to wait, or waits no longer: for its turn, or for another
   * image that brings it.
   */
  onWait?(waits: boolean): void;
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

/** The services that a transfer needs. */
export interface TransferServices {
  readonly gate: TransferGate;
  /** The attempts of one step of a transfer. */
  readonly attempts: () => Attempts;
}

/** What all copies of a run share. */
export interface CopyServices extends TransferServices {
  /** Blobs by digest. */
  readonly blobs: ContentLedger;
  /**
   * By digest and media type, since indexes may give one manifest different
   * types.
   */
  readonly manifests: ContentLedger<string>;
  readonly mounts: Mounts;
  /** What destinations are likely to lack: the next blob, the next image. */
  readonly expected: {
    readonly blob: Expectation;
    readonly image: Expectation;
  };
  readonly digestChecks: DigestChecks;
  /** One writer at a time for each tag that is added to. */
  readonly locks: KeyedLock;
  readonly finder: AttachmentFinder;
  /** @default {nothing is traced} */
  readonly trace?: Trace;
}
