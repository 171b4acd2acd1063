/**
 * The events of mirroring, and the outcome of each image. Log, progress and
 * report all read this one stream.
 *
 * @module
 */

/** How an image ended. */
export type OutcomeKind =
  /** Content or tag was written. */
  | "copied"
  /** The destination already held what was wanted. */
  | "up-to-date"
  /** The tag is there, and what it holds was not looked at. */
  | "present"
  /** Nothing of the image was selected, or the line is not an image. */
  | "skipped"
  /** The destination was found to hold what it should. */
  | "passed"
  /** Signatures were made for an image that was there already. */
  | "signed"
  /** A dry run found that it would be copied. */
  | "planned"
  | "failed"
  /** The run was interrupted before the image was finished. */
  | "interrupted";

/** Which image at which destination an event is about. */
export interface ImageAtPlace {
  readonly image: number;
  readonly place?: number;
}

/** A key that is the same for all events of one image at one destination. */
export function imageKey({ image, place = 0 }: ImageAtPlace): string {
  return `${image}/${place}`;
}

/** What mirroring an image would take. */
export interface ImagePlan {
  /** What the tag would hold. */
  readonly platforms: readonly string[];
  /** Blobs to send, and their bytes. */
  readonly send: { readonly blobs: number; readonly bytes: number };
  /** Blobs to mount from other repositories of the destination, and their bytes. */
  readonly mount: { readonly blobs: number; readonly bytes: number };
  /** Signatures and referrers that would come along. */
  readonly attachments: number;
}

/** An entry of an index that only the destination has. */
export interface KeptEntry {
  /** Of the entry. */
  readonly digest: string;
  /** `os/arch[/variant]`; unknown where the index does not say. */
  readonly platform?: string;
  /** Whether the filter asks for its platform, though no source has it. */
  readonly wanted: boolean;
}

/** How the content of a tag was made, where it is not a source's own bytes. */
export interface ImageMerge {
  /** Platforms of the sources that it holds. */
  readonly selected: readonly string[];
  /** How many platforms the sources have. */
  readonly available: number;
  /** What was kept from the destination. */
  readonly kept: readonly KeptEntry[];
}

/** What a tag named before, of a platform that no source has. */
export interface LostEntry {
  /** Of the entry. */
  readonly digest: string;
  /** `os/arch[/variant]` */
  readonly platform: string;
}

/**
 * A source's own index under the tag, though not all that it names was copied.
 */
export interface SparseIndex {
  /** The platforms that were selected. */
  readonly selected: readonly string[];
  /** How many platforms the index names. */
  readonly available: number;
  /** What the destination's tag no longer names. */
  readonly lost: readonly LostEntry[];
}

/** What is being done with an image. */
export type ImagePhase =
  /** Both sides are read and compared, and policies asked. */
  | "checking"
  /** Content is brought to the destination. */
  | "copying"
  /** Signatures are made. */
  | "signing"
  /** The tag is written. */
  | "tagging";

/** The manifest of one platform of an image. */
export interface PlatformDigest {
  /** `os/arch[/variant]`; unknown where the index does not say. */
  readonly platform?: string;
  /** Of its manifest. */
  readonly digest: string;
}

/** Why nothing of an image was selected. */
export interface NothingSelected {
  /** The filter in words. */
  readonly wanted: string;
  /** The platforms that the sources have. */
  readonly available: readonly string[];
}

/**
 * The outcome of one image (one unit of work, which may stand for many lines).
 */
export interface MirrorOutcome {
  /** How it ended. */
  readonly kind: OutcomeKind;
  /** The `[IMG:n]` ordinal. */
  readonly id: number;
  /** For which of several destinations it is, from 0. */
  readonly place?: number;
  /** Line numbers in the list, ascending: what the failed list is made from. */
  readonly lines: readonly number[];
  /** What is missing or different at the destination, one thing each. */
  readonly findings?: readonly string[];
  /** Why it failed, or was interrupted. */
  readonly error?: unknown;
  /** The same in one line, which is kept to the end of the run. */
  readonly reason?: string;
  /** Digest that the destination reference now has, or would have. */
  readonly digest?: string;
  /** What the sources' references point at, in their order. */
  readonly sourceDigests?: readonly string[];
  /** What the index has, or would have: one manifest for each platform. */
  readonly platforms?: readonly PlatformDigest[];
  /** Set when the tag's index is, or would be, one that no source has. */
  readonly merge?: ImageMerge;
  /** Set when it is a source's, of which not all is, or would be, there. */
  readonly sparse?: SparseIndex;
  /** Set where nothing was selected. */
  readonly nothing?: NothingSelected;
  /** The result of a dry run. */
  readonly plan?: ImagePlan;
  /** Signatures and referrers that a dry run would copy for what is there. */
  readonly attachments?: number;
  /** How long it took, in ms. */
  readonly durationMs: number;
}

/**
 * One event. `image` is the `[IMG:n]` ordinal, if the event belongs to an image.
 * `place` says for which of several destinations it is, from 0; with one
 * destination, it is undefined.
 */
export type MirrorEvent =
  | {
    readonly type: "image-started";
    readonly image: number;
    readonly place?: number;
    readonly sources: readonly string[];
    readonly destination: string;
  }
  | {
    readonly type: "image-finished";
    readonly image: number;
    readonly place?: number;
    readonly sources: readonly string[];
    readonly destination: string;
    readonly outcome: MirrorOutcome;
  }
  | {
    readonly type: "warning";
    readonly image?: number;
    readonly place?: number;
    readonly message: string;
  }
  | {
    readonly type: "note";
    readonly image?: number;
    readonly place?: number;
    readonly message: string;
    /** Set where the outcome of the image says the same. */
    readonly isInOutcome?: boolean;
  }
  | {
    readonly type: "debug";
    readonly image?: number;
    readonly place?: number;
    readonly message: string;
  }
  /** Another phase begins; the first is `checking`. */
  | {
    readonly type: "phase";
    readonly image: number;
    readonly place?: number;
    readonly phase: ImagePhase;
  }
  /**
   * A blob begins to wait, or waits no longer: for its turn, or for another
   * image that brings it.
   */
  | {
    readonly type: "blob-waits";
    readonly image: number;
    readonly place?: number;
    readonly waits: boolean;
  }
  /** Bytes of a blob went out to the destination. */
  | {
    readonly type: "blob-bytes";
    readonly image: number;
    readonly place?: number;
    readonly bytes: number;
  }
  /** Bytes of a blob had to be sent once more. */
  | {
    readonly type: "blob-resent";
    readonly image: number;
    readonly place?: number;
    readonly bytes: number;
  }
  /** A blob is looked at, and brought if it is not there. */
  | {
    readonly type: "blob-started";
    readonly image: number;
    readonly place?: number;
    readonly size: number;
  }
  /** A request goes out. */
  | {
    readonly type: "request";
    readonly image?: number;
    readonly place?: number;
    /** `host[:port]` */
    readonly host: string;
  }
  /** A request or a transfer is tried again. */
  | {
    readonly type: "retry";
    readonly image?: number;
    readonly place?: number;
    /** `host[:port]`; unknown where it is of a whole transfer. */
    readonly host?: string;
    readonly message: string;
  }
  /** A signature or referrer was found at the source, sent, or made. */
  | {
    readonly type: "attachment";
    readonly image: number;
    readonly place?: number;
    readonly how: "found" | "copied" | "signed" | "attested";
  }
  /** A blob is settled at the destination. */
  | {
    readonly type: "blob-finished";
    readonly image: number;
    readonly place?: number;
    readonly digest: string;
    readonly size: number;
    /** `sent`, `mounted`, or it was `present` already. */
    readonly how: "sent" | "mounted" | "present";
  };

/** Receives events; must not throw. */
export type MirrorEventSink = (event: MirrorEvent) => void;

/** Totals of a run. */
export interface MirrorTotals {
  /** Images whose content or tag was written. */
  readonly copied: number;
  /** Images that a validation found as they should be. */
  readonly passed: number;
  /** Images that were signed in place. */
  readonly signed: number;
  /** Images that a dry run would copy. */
  readonly planned: number;
  /** Images that the destination held already. */
  readonly upToDate: number;
  /** Images whose tag was there, with `--missing`. */
  readonly present: number;
  /** Images of which nothing was selected. */
  readonly skipped: number;
  /** Indexes that are, or would be, ones that no source has. */
  readonly indexesRebuilt: number;
  /** Sources' indexes of which not all is, or would be, there. */
  readonly indexesSparse: number;
  /** Entries in rebuilt indexes that were kept from the destination. */
  readonly entriesKept: number;
  /** Those of the kept whose platform the filter asks for. */
  readonly wantedEntriesKept: number;
  /** Failed images and invalid lines. */
  readonly failed: number;
  /** Images that an interrupt kept from being finished. */
  readonly interrupted: number;
  /** Blob bytes sent to destinations, those of broken attempts included. */
  readonly bytesSent: number;
  /** Signatures and referrers that there are at the sources. */
  readonly attachmentsFound: number;
  /** Those of them that were sent. */
  readonly attachmentsCopied: number;
  /** Signatures that were made. */
  readonly signaturesMade: number;
  /** Manifests of which it was attested where they came from. */
  readonly attestationsMade: number;
  /** Blob bytes that had to be sent once more. */
  readonly bytesResent: number;
  /** Requests and transfers that were tried again. */
  readonly retries: number;
  /** Requests to registries and token servers. */
  readonly requests: number;
  /** Blob bytes that were not sent, because the blobs were mounted. */
  readonly bytesMounted: number;
  /** Blobs that a dry run would send. */
  readonly plannedBlobs: number;
  /** Their bytes. */
  readonly plannedBytes: number;
  /** Bytes of blobs that a dry run would mount. */
  readonly plannedMountedBytes: number;
  /** How long the run took, in ms. */
  readonly durationMs: number;
}
