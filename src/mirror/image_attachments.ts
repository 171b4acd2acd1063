/**
 * The signatures and referrers of one image and of each of its parts.
 *
 * @module
 */

import {
  type AttachmentAudit,
  type AttachmentJudge,
  AttachmentWalk,
} from "../copy/attachments.ts";
import type { CopyContext } from "../copy/copy_context.ts";
import { readManifest } from "../copy/copy_graph.ts";
import { allOf, together } from "../together.ts";
import {
  depthInside,
  type Descriptor,
  isImageManifestType,
} from "../oci/manifest.ts";
import type { ImagePart, TagOrigin } from "./decide/decide_image.ts";

/** How attachments are looked after. */
export interface ImageAttachmentsOptions {
  readonly signal: AbortSignal;
  /** Judges those that could be run. @default {all are accepted} */
  readonly policy?: { judgeOf(source: number): AttachmentJudge };
  /** Where this is given nothing is written, but told. */
  readonly audit?: AttachmentAudit;
}

/** Brings the attachments of an image along, or tells which are lacking. */
export class ImageAttachments {
  readonly #contexts: readonly CopyContext[];
  readonly #origin: TagOrigin;
  readonly #signal: AbortSignal;
  readonly #walks: readonly AttachmentWalk[];

  /** @param contexts one for each source */
  constructor(
    contexts: readonly CopyContext[],
    origin: TagOrigin,
    { signal, policy, audit }: ImageAttachmentsOptions,
  ) {
    this.#contexts = contexts;
    this.#origin = origin;
    this.#signal = signal;
    this.#walks = contexts.map((context, source) =>
      new AttachmentWalk(context, {
        signal,
        audit,
        judge: policy?.judgeOf(source),
      })
    );
  }

  /** Whether anything is attached to the manifest under the tag itself. */
  async ofTop(): Promise<boolean> {
    const { top } = this.#origin;
    return top !== undefined && await this.#count(top) > 0;
  }

  /** Brings them all. */
  async follow(): Promise<void> {
    const parts = await allParts(
      this.#contexts,
      this.#origin,
      this.#signal,
    );
    await together(
      parts.map(({ descriptor, source }) => () =>
        this.#walks[source]!.follow(descriptor.digest)
      ),
      this.#signal,
    );
    const behind = await allOf(
      this.#origin.rebuilt.map((part) => this.#count(part)),
    );
    const left = behind.reduce((sum, count) => sum + count, 0);
    if (left > 0) {
      this.#contexts[0]!.events.warn(
        `${left} signatures or referrers of the source's index stay behind: the index was rebuilt, so they do not apply to it`,
      );
    }
  }

  #count({ descriptor, source }: ImagePart): Promise<number> {
    return this.#walks[source]!.count(descriptor.digest);
  }
}

/** The parts, and what is inside those that are nested indexes. */
export async function allParts(
  contexts: readonly CopyContext[],
  origin: TagOrigin,
  signal: AbortSignal,
): Promise<ImagePart[]> {
  const known = new Map<string, ImagePart>();
  for (const part of origin.parts) known.set(part.descriptor.digest, part);
  const inside = async (
    part: ImagePart,
    depth: number,
  ): Promise<ImagePart[]> => {
    const context = contexts[part.source]!;
    const manifest = await readManifest(context, part.descriptor, signal);
    context.manifestCache.set(part.descriptor.digest, manifest);
    const entries: readonly Descriptor[] = manifest.kind === "index"
      ? manifest.entries
      : [];
    const inner = entries.length > 0
      ? depthInside(depth, part.descriptor.digest)
      : depth;
    const children = entries
      .filter((entry) => !known.has(entry.digest))
      .map((descriptor) => ({ descriptor, source: part.source }));
    for (const child of children) known.set(child.descriptor.digest, child);
    const deeper = await together(
      children.filter(mayBeNested).map((child) => () => inside(child, inner)),
      signal,
    );
    return [...children, ...deeper.flat()];
  };
  // The entries of the tag's own manifest are parts already.
  const found = await together(
    origin.parts.filter((part) => part !== origin.top && mayBeNested(part))
      .map((part) => () => inside(part, 1)),
    signal,
  );
  return [...origin.parts, ...found.flat()];
}

/** What is called an image is one, or refused where it is read. */
function mayBeNested({ descriptor }: ImagePart): boolean {
  return !isImageManifestType(descriptor.mediaType);
}
