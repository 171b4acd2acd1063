/**
 * What is attached to an image at its source: cosign's tags and referrers, found
 * and brought along, to any depth.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  appendLayers,
  asAttachment,
  type AttachmentImage,
  fallbackTag,
  missingLayers,
  subjectOf,
} from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";
import {
  type Descriptor,
  type ImageManifest,
  type Manifest,
  parseConfig,
  parseManifest,
} from "../oci/manifest.ts";
import type { ManifestReader, ReferrerLister } from "../oci/store.ts";
import { copyBlob } from "./copy_blob.ts";
import { type Attachments, readFallback } from "./attachment_finder.ts";
import type { CopyContext } from "./copy_context.ts";
import {
  copyContent,
  copyGraph,
  putManifest,
  readManifest,
} from "./copy_graph.ts";
import { atDestination, atSource } from "./sides.ts";
import { together } from "../together.ts";

/** Attachments of attachments: a signature on an SBOM is the second. */
const MAX_DEPTH = 8;
/** What one image may have attached, in all. */
const MAX_ATTACHMENTS = 10_000;
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** Whatever of the attachments of an image the destination lacks. */
export interface AttachmentGap {
  /** A tag of cosign's, or the digest of a referrer. */
  readonly name: string;
  readonly subject: Digest;
}

/** Throws for an attachment that may not be brought. */
export interface AttachmentJudge {
  /** Judges by the manifest; asked of what is there already too. */
  judgeManifest(manifest: Manifest, signal: AbortSignal): Promise<void>;
  /** Judges by the content beside, before any of it is brought. */
  judgeContent(manifest: Manifest, signal: AbortSignal): Promise<void>;
}

/** How attachments are brought along. */
export interface AttachmentWalkOptions {
  readonly signal: AbortSignal;
  /** Where this is given nothing is written, and what is lacking is put there. */
  readonly gaps?: AttachmentGap[];
  /** @default {all may be brought} */
  readonly judge?: AttachmentJudge;
}

/** Brings attachments along, or tells which are lacking. */
export class AttachmentWalk {
  readonly #context: CopyContext;
  readonly #signal: AbortSignal;
  readonly #seen = new Set<Digest>();
  readonly #found = new Map<Digest, Promise<Attachments>>();
  readonly #gaps: AttachmentGap[] | undefined;
  readonly #judge: AttachmentJudge | undefined;

  constructor(
    context: CopyContext,
    { signal, gaps, judge }: AttachmentWalkOptions,
  ) {
    this.#context = context;
    this.#signal = signal;
    this.#gaps = gaps;
    this.#judge = judge;
  }

  /** How much is attached to a digest at the source. */
  async count(digest: Digest): Promise<number> {
    const { tags, referrers } = await this.#find(digest);
    return tags.length + referrers.length;
  }

  #find(digest: Digest): Promise<Attachments> {
    let found = this.#found.get(digest);
    if (!found) {
      found = this.#context.finder.find(this.#context, digest, this.#signal);
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
    const { tags, referrers } = await this.#find(digest);
    await together<void>([
      ...tags.map((tag) => async () => {
        const brought = await this.#tag(tag, digest);
        if (brought) await this.follow(brought, depth + 1);
      }),
      async () => {
        const brought = await this.#referrers(referrers, digest);
        await together(
          brought.map((d) => () => this.follow(d, depth + 1)),
          this.#signal,
        );
      },
    ], this.#signal);
  }

  /** Gives the digest under the tag, where the destination has the same. */
  async #tag(tag: string, subject: Digest): Promise<Digest | undefined> {
    const context = this.#context;
    const signal = this.#signal;
    const { source, sourceRepository, destination, destinationRepository } =
      context;
    const wanted = await atSource(
      context,
      `tag ${tag}`,
      source.headManifest(sourceRepository, tag, { signal }),
    );
    if (!wanted) return undefined;
    context.events.onAttachment?.("found");
    // What the HEAD came as is no claim; the GET's is judged with the bytes.
    const described = { ...wanted, mediaType: "" };
    await this.#admit(described);
    return await context.locks.run(
      `${destination.id}/${destinationRepository}:${tag}`,
      signal,
      async () => {
        const held = await this.#readHeld(tag, wanted.digest);
        if (held === "same") return wanted.digest;
        const brought = await readManifest(context, described, signal);
        if (held) {
          const missing = missingLayers(
            asAttachment(held, tag),
            asAttachment(brought, tag),
          );
          if (missing.length === 0) return undefined;
          await this.#judge?.judgeContent(brought, signal);
          if (this.#gap(tag, subject)) return undefined;
          await addLayers(context, tag, asAttachment(held, tag), {
            layers: missing,
            bring: (layer) => copyBlob(context, layer, { signal }),
            signal,
          });
        } else {
          await this.#judge?.judgeContent(brought, signal);
          if (this.#gap(tag, subject)) return undefined;
          await copyContent(context, brought, { signal });
          await putManifest(context, brought, tag, signal);
        }
        context.events.onAttachment?.("copied");
        return held ? undefined : wanted.digest;
      },
    );
  }

  async #readHeld(
    tag: string,
    wanted: Digest,
  ): Promise<Manifest | "same" | undefined> {
    const { destination, destinationRepository } = this.#context;
    const signal = this.#signal;
    const read = async () => {
      const head = await destination.headManifest(destinationRepository, tag, {
        signal,
      });
      if (!head) return undefined;
      if (head.digest === wanted) return "same";
      const content = await destination.getManifest(
        destinationRepository,
        head.digest,
        { signal },
      );
      return content &&
        parseManifest(content.bytes, content.mediaType, content.digest);
    };
    return await atDestination(this.#context, `read tag ${tag} from`, read());
  }

  /** Gives the digests of the referrers that the destination has afterwards. */
  async #referrers(
    referrers: readonly Descriptor[],
    subject: Digest,
  ): Promise<Digest[]> {
    if (referrers.length === 0) return [];
    const context = this.#context;
    const signal = this.#signal;
    const { destination, destinationRepository } = context;
    const listed = await atDestination(
      context,
      `read the referrers of ${subject} from`,
      listAtDestination(destination, destinationRepository, subject, signal),
    );
    const held = new Set(listed.map((d) => d.digest));
    const brought = await together(
      referrers.map((referrer) => async () => {
        const { digest } = referrer;
        context.events.onAttachment?.("found");
        await this.#admit(referrer);
        if (held.has(digest)) return [digest];
        const manifest = await readManifest(context, referrer, signal);
        if (subjectOf(manifest) !== subject) {
          context.events.warn(
            `${digest} is listed as a referrer of ${subject}, but does not refer to it: left behind`,
          );
          return [];
        }
        await this.#judge?.judgeContent(manifest, signal);
        if (this.#gap(digest, subject)) return [];
        context.manifestCache.set(digest, manifest);
        await copyGraph(context, referrer, { signal });
        context.events.onAttachment?.("copied");
        return [digest];
      }),
      signal,
    );
    return brought.flat();
  }

  async #admit(
    descriptor: Pick<Descriptor, "mediaType" | "digest" | "size">,
  ): Promise<void> {
    if (!this.#judge) return;
    const manifest = await readManifest(
      this.#context,
      descriptor,
      this.#signal,
    );
    this.#context.manifestCache.set(descriptor.digest, manifest);
    await this.#judge.judgeManifest(manifest, this.#signal);
  }

  #gap(name: string, subject: Digest): boolean {
    this.#gaps?.push({ name, subject });
    return this.#gaps !== undefined;
  }
}

/** The referrers of a digest, by the API or by the tag that stands in for it. */
export async function listAtDestination(
  store: ManifestReader & ReferrerLister,
  repository: string,
  subject: Digest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const listed = await store.listReferrers(repository, subject, { signal });
  if (listed) return listed;
  const tag = fallbackTag(subject);
  return (await readFallback(store, repository, tag, signal))?.entries ?? [];
}

/** Layers to add to what a tag holds. */
export interface AddedLayers {
  readonly layers: readonly Descriptor[];
  /** Sees to it that a layer's content is at the destination. */
  readonly bring: (layer: Descriptor) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Adds layers to the image under a tag of cosign's; the caller has its lock. */
export async function addLayers(
  context: CopyContext,
  tag: string,
  held: ImageManifest | undefined,
  { layers, bring, signal }: AddedLayers,
): Promise<void> {
  const image = held && await withConfig(context, held, signal);
  const made = appendLayers(image, layers);
  await together(layers.map((layer) => () => bring(layer)), signal);
  const manifest = parseManifest(
    made.content.bytes,
    made.content.mediaType,
    made.content.digest,
  );
  if (manifest.kind !== "image") throw new Error("an image was made");
  context.cache.set(made.config.digest, made.config.bytes);
  await copyBlob(context, manifest.config, { signal });
  await putManifest(context, manifest, tag, signal);
}

async function withConfig(
  context: CopyContext,
  manifest: ImageManifest,
  signal: AbortSignal,
): Promise<AttachmentImage> {
  const { destination, destinationRepository } = context;
  const { config } = manifest;
  const bytes = await atDestination(
    context,
    `read config ${config.digest} from`,
    destination.readBlob(destinationRepository, config, MAX_CONFIG_BYTES, {
      signal,
    }),
  );
  return {
    manifest,
    config: parseConfig(bytes, config.digest),
  };
}
