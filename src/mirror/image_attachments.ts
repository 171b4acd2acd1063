/**
 * The signatures and referrers of one image and of each of its parts.
 *
 * @module
 */

import { counted } from "../counted.ts";
import type { AttachmentChoice } from "../copy/attachments/attachment_choice.ts";
import {
  type AttachmentAudit,
  type AttachmentJudge,
  AttachmentWalk,
} from "../copy/attachments/attachment_walk.ts";
import { readManifest } from "../copy/read_manifest.ts";
import type { SourceSide } from "../copy/sides.ts";
import { walkEntries } from "../copy/walk_entries.ts";
import { type Descriptor, isImageManifestType } from "../oci/manifest.ts";
import { allOf, together } from "../together.ts";
import type { ImageOrigin, ImagePart } from "./decide/image_origin.ts";
import type { ImageRun } from "./image_run.ts";

/** How attachments are treated. */
export interface ImageAttachmentsOptions {
  /** Judges those that could be run. @default {all are accepted} */
  readonly policy?: { judgeOf(source: number): AttachmentJudge };
  /** With this, nothing is written: missing attachments are reported to it. */
  readonly audit?: AttachmentAudit;
  /** The same for referrers that go elsewhere. @default {audit} */
  readonly auditElsewhere?: AttachmentAudit;
  /** @default {all of them} */
  readonly choice?: AttachmentChoice;
}

/** Copies the attachments of an image, or reports which are missing. */
export class ImageAttachments {
  readonly #run: ImageRun;
  readonly #origin: ImageOrigin;
  readonly #walks: readonly AttachmentWalk[];
  /** Brings referrers that are elsewhere, or go elsewhere. */
  readonly #elsewhere?: AttachmentWalk;

  constructor(
    run: ImageRun,
    origin: ImageOrigin,
    { policy, audit, auditElsewhere = audit, choice }: ImageAttachmentsOptions,
  ) {
    const { sources, destination, referrerSides, signal } = run;
    this.#run = run;
    this.#origin = origin;
    this.#walks = sources.map((source, position) =>
      new AttachmentWalk(source, destination, {
        signal,
        audit,
        judge: policy?.judgeOf(position),
        choice: referrerSides ? { ...choice, referrers: false } : choice,
      })
    );
    if (referrerSides && choice?.referrers !== false) {
      this.#elsewhere = new AttachmentWalk(
        referrerSides.source,
        referrerSides.destination,
        {
          signal,
          audit: auditElsewhere,
          judge: policy?.judgeOf(0),
          choice: { ...choice, tags: false },
        },
      );
    }
  }

  /** Finds what there is, while other work is done. */
  async find(signal: AbortSignal): Promise<void> {
    const { parts, rebuilt } = this.#origin;
    await together(
      [...parts, ...rebuilt].map(({ descriptor, source }) => (signal) =>
        this.#walks[source]!.count(descriptor.digest, signal)
      ),
      signal,
    );
  }

  /** Whether anything is attached to the manifest under the reference itself. */
  async ofTop(): Promise<boolean> {
    const { top } = this.#origin;
    return top !== undefined && await this.#count(top) > 0;
  }

  /** Copies or reports them all. */
  async follow(): Promise<void> {
    const { sources, events, signal } = this.#run;
    const parts = await allParts(sources, this.#origin, signal);
    await together(
      parts.flatMap(({ descriptor: { digest }, source }) => [
        () => this.#walks[source]!.follow(digest),
        async () => await this.#elsewhere?.follow(digest),
      ]),
      signal,
    );
    const behind = await allOf(
      this.#origin.rebuilt.map((part) => this.#count(part)),
    );
    const left = behind.reduce((sum, count) => sum + count, 0);
    if (left > 0) {
      events.warn(
        `${
          counted(left, "signature or referrer", "signatures or referrers")
        } of the source's index ${
          left === 1 ? "stays" : "stay"
        } behind: what was made for the source's index does not apply to a rebuilt one`,
      );
    }
  }

  #count({ descriptor, source }: ImagePart): Promise<number> {
    return this.#walks[source]!.count(descriptor.digest);
  }
}

/** The parts, and all manifests inside nested indexes. */
export async function allParts(
  sources: readonly SourceSide[],
  { parts, top }: ImageOrigin,
  signal: AbortSignal,
): Promise<ImagePart[]> {
  const known = new Map<string, ImagePart>();
  for (const part of parts) known.set(part.descriptor.digest, part);
  const inside = async ({ descriptor, source }: ImagePart) => {
    const side = sources[source]!;
    const read = (named: Descriptor, signal: AbortSignal) =>
      readManifest(side, named, { signal, keep: true });
    await walkEntries<void>(
      await read(descriptor, signal),
      async (entry, { signal, inside }) => {
        if (known.has(entry.digest)) return;
        known.set(entry.digest, { descriptor: entry, source });
        if (mayBeNested(entry)) await inside(await read(entry, signal));
      },
      { signal, depth: 1 },
    );
  };
  // The entries of the reference's own manifest are parts already.
  await together(
    parts.filter((part) => part !== top && mayBeNested(part.descriptor))
      .map((part) => () => inside(part)),
    signal,
  );
  return [...known.values()];
}

/**
 * An entry with the type of an image is not nested: if its bytes are an index,
 * reading it fails.
 */
function mayBeNested({ mediaType }: Descriptor): boolean {
  return !isImageManifestType(mediaType);
}
