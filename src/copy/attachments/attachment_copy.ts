/**
 * What bringing one attachment along works with: both sides, whoever looks on,
 * and whoever judges.
 *
 * @module
 */

import type { Digest } from "../../oci/digest.ts";
import type { Descriptor, Manifest } from "../../oci/manifest.ts";
import type { DestinationSide } from "../destination_side.ts";
import type { ContentFault } from "../held_content.ts";
import { readManifest } from "../read_manifest.ts";
import type { SourceSide } from "../sides.ts";

/** Something that is attached to an image, or to what is attached to it. */
export interface Attachment {
  /** A tag of cosign's, or the digest of a referrer. */
  readonly name: string;
  readonly subject: Digest;
}

/** Looks at the attachments of an image at the destination. */
export interface AttachmentAudit {
  /** Told of what the destination lacks, or cannot read. */
  lacks(attachment: Attachment, fault?: ContentFault): void;
  /**
   * Looks at what is there, or named there.
   *
   * @param digest of the manifest that the destination has for it
   */
  examine?(attachment: Attachment, digest: Digest): Promise<void>;
}

/** Throws for an attachment that may not be brought. */
export interface AttachmentJudge {
  /** Judges by the manifest; asked of what is there already too. */
  judgeManifest(manifest: Manifest, signal: AbortSignal): Promise<void>;
  /** Judges by the content beside, before any of it is brought. */
  judgeContent(manifest: Manifest, signal: AbortSignal): Promise<void>;
}

/** What a manifest is asked for by. */
type Named = Pick<Descriptor, "mediaType" | "digest" | "size">;

const LACKS_ATTACHMENT =
  "the source lists a signature or referrer that is gone: mend the list there, or leave them all out with --remove-signatures";

/** Both sides of bringing attachments, under the rules of one run. */
export class AttachmentCopy {
  readonly source: SourceSide;
  readonly destination: DestinationSide;
  readonly signal: AbortSignal;
  /** Where there is one nothing is written, but told. */
  readonly audit?: AttachmentAudit;
  readonly #judge?: AttachmentJudge;

  constructor(
    source: SourceSide,
    destination: DestinationSide,
    { signal, audit, judge }: {
      readonly signal: AbortSignal;
      readonly audit?: AttachmentAudit;
      readonly judge?: AttachmentJudge;
    },
  ) {
    this.source = source;
    this.destination = destination;
    this.signal = signal;
    this.audit = audit;
    this.#judge = judge;
  }

  /** A manifest of the source. */
  async read(named: Named): Promise<Manifest> {
    return await readManifest(this.source, named, {
      signal: this.signal,
      hint: LACKS_ATTACHMENT,
    });
  }

  /** Judges an attachment by its manifest, before anything else is done. */
  async admit(named: Named): Promise<void> {
    if (!this.#judge) return;
    const manifest = await readManifest(this.source, named, {
      signal: this.signal,
      keep: true,
      hint: LACKS_ATTACHMENT,
    });
    await this.#judge.judgeManifest(manifest, this.signal);
  }

  /** Judges an attachment by its content, before any of it is brought. */
  async admitContent(manifest: Manifest): Promise<void> {
    await this.#judge?.judgeContent(manifest, this.signal);
  }
}
