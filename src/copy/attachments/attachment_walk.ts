/**
 * What is attached to an image at its source: cosign's tags and referrers, found
 * and brought along, to any depth.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { together } from "../../together.ts";
import {
  type Attachment,
  type AttachmentAudit,
  AttachmentCopy,
  type AttachmentJudge,
} from "./attachment_copy.ts";
import type { AttachmentChoice } from "./attachment_choice.ts";
import type { Attachments } from "./attachment_finder.ts";
import { CosignTags } from "./cosign_tags.ts";
import type { DestinationSide } from "../destination_side.ts";
import { Referrers } from "./referrers.ts";
import type { SourceSide } from "../sides.ts";

export type { Attachment, AttachmentAudit, AttachmentChoice, AttachmentJudge };

/** Attachments of attachments: a signature on an SBOM is the second. */
const MAX_DEPTH = 8;
/** What one image may have attached, in all. */
const MAX_ATTACHMENTS = 10_000;

/** How attachments are brought along. */
export interface AttachmentWalkOptions {
  /** @default {all of them} */
  readonly choice?: AttachmentChoice;
  readonly signal: AbortSignal;
  /** Where this is given nothing is written, but told. */
  readonly audit?: AttachmentAudit;
  /** @default {all may be brought} */
  readonly judge?: AttachmentJudge;
}

/** Brings attachments along, or tells which are lacking. */
export class AttachmentWalk {
  readonly #source: SourceSide;
  readonly #destination: DestinationSide;
  readonly #signal: AbortSignal;
  readonly #choice: AttachmentChoice;
  readonly #tags: CosignTags;
  readonly #referrers: Referrers;
  readonly #seen = new Set<Digest>();
  readonly #found = new Map<Digest, Promise<Attachments>>();

  constructor(
    source: SourceSide,
    destination: DestinationSide,
    { signal, audit, judge, choice = {} }: AttachmentWalkOptions,
  ) {
    this.#choice = choice;
    this.#source = source;
    this.#destination = destination;
    this.#signal = signal;
    const copy = new AttachmentCopy(source, destination, {
      signal,
      audit,
      judge,
    });
    this.#tags = new CosignTags(copy);
    this.#referrers = new Referrers(copy);
  }

  /**
   * How much is attached to a digest at the source.
   *
   * @param signal ends the search, too
   */
  async count(digest: Digest, signal = this.#signal): Promise<number> {
    const { tags, others, referrers } = await this.#find(digest, signal);
    return tags.length + others.length + referrers.length;
  }

  #find(digest: Digest, signal = this.#signal): Promise<Attachments> {
    let found = this.#found.get(digest);
    if (!found) {
      const { services, events } = this.#destination;
      found = services.finder.find(this.#source, digest, {
        ...this.#choice,
        signal,
        warn: (message) => events.warn(message),
      });
      this.#found.set(digest, found);
    }
    return found;
  }

  /** Brings what is attached to a digest, and what is attached to that. */
  async follow(digest: Digest, depth = 0): Promise<void> {
    if (this.#seen.has(digest) || depth > MAX_DEPTH) return;
    this.#seen.add(digest);
    if (this.#seen.size > MAX_ATTACHMENTS) {
      throw new HangarError(
        "too-large",
        `more than ${MAX_ATTACHMENTS} signatures and referrers are attached to the image`,
        { hint: "leave them out with --remove-signatures" },
      );
    }
    const { tags, others, referrers } = await this.#find(digest);
    await together<void>([
      ...others.map((tag) => async () => {
        await this.#tags.bring(tag, digest, { replace: true });
      }),
      ...tags.map((tag) => async () => {
        const brought = await this.#tags.bring(tag, digest);
        if (brought) await this.follow(brought, depth + 1);
      }),
      async () => {
        const brought = await this.#referrers.bring(referrers, digest);
        await together(
          brought.map((d) => () => this.follow(d, depth + 1)),
          this.#signal,
        );
      },
    ], this.#signal);
  }
}
