/**
 * What is attached to an image at its source: cosign's tags and referrers, found
 * and brought along, to any depth.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  asAttachment,
  fallbackTag,
  missingLayers,
  subjectOf,
} from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";
import {
  type Descriptor,
  type Manifest,
  parseManifest,
} from "../oci/manifest.ts";
import type { ManifestReader, ReferrerLister } from "../oci/store.ts";
import { addLayers } from "./add_layers.ts";
import { copyBlob } from "./copy_blob.ts";
import { type Attachments, readFallback } from "./attachment_finder.ts";
import type { CopyContext } from "./copy_context.ts";
import {
  blobsOf,
  bringManifest,
  copyContent,
  copyGraph,
  putManifest,
  readManifest,
} from "./copy_graph.ts";
import { blobFault, type ContentFault, isUnreadable } from "./held_content.ts";
import { atDestination, atSource } from "./sides.ts";
import { together } from "../together.ts";

/** Attachments of attachments: a signature on an SBOM is the second. */
const MAX_DEPTH = 8;
/** What one image may have attached, in all. */
const MAX_ATTACHMENTS = 10_000;

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

/** How attachments are brought along. */
export interface AttachmentWalkOptions {
  readonly signal: AbortSignal;
  /** Where this is given nothing is written, but told. */
  readonly audit?: AttachmentAudit;
  /** @default {all may be brought} */
  readonly judge?: AttachmentJudge;
}

/** Brings attachments along, or tells which are lacking. */
export class AttachmentWalk {
  readonly #context: CopyContext;
  readonly #signal: AbortSignal;
  readonly #seen = new Set<Digest>();
  readonly #found = new Map<Digest, Promise<Attachments>>();
  readonly #audit: AttachmentAudit | undefined;
  readonly #judge: AttachmentJudge | undefined;

  constructor(
    context: CopyContext,
    { signal, audit, judge }: AttachmentWalkOptions,
  ) {
    this.#context = context;
    this.#signal = signal;
    this.#audit = audit;
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
        const held = await this.#readHeld(tag, wanted.digest).catch((error) =>
          this.#onUnreadable(error, { name: tag, subject })
        );
        if (held === "unreadable") return undefined;
        if (this.#audit) {
          return await this.#auditTag(this.#audit, { name: tag, subject }, {
            wanted: described,
            held,
          });
        }
        const isNew = held === undefined || held === "same"
          ? await this.#bringTag(tag, described, held)
          : await this.#unite(tag, described, held);
        if (isNew) context.events.onAttachment?.("copied");
        return held === undefined || held === "same"
          ? wanted.digest
          : undefined;
      },
    );
  }

  /** It may be a signature of the destination's own, so it is not replaced. */
  #onUnreadable(error: unknown, attachment: Attachment): "unreadable" {
    if (!isUnreadable(error)) throw error;
    const { message } = error;
    if (this.#audit) {
      this.#audit.lacks(attachment, { kind: "unreadable", message });
      return "unreadable";
    }
    throw new HangarError(error.code, message, {
      cause: error,
      status: error.status,
      host: error.host,
      hint:
        "if the registry cannot read what it holds: delete the tag there, and mirror again",
    });
  }

  /** Tells what the destination lacks under a tag, or looks at what it has. */
  async #auditTag(
    audit: AttachmentAudit,
    attachment: Attachment,
    { wanted, held }: {
      readonly wanted: Descriptor;
      readonly held: Manifest | "same" | undefined;
    },
  ): Promise<Digest | undefined> {
    if (held === "same") {
      await audit.examine?.(attachment, wanted.digest);
      return wanted.digest;
    }
    const brought = await readManifest(this.#context, wanted, this.#signal);
    if (held === undefined) {
      await this.#judge?.judgeContent(brought, this.#signal);
      audit.lacks(attachment);
      return undefined;
    }
    const { name } = attachment;
    const missing = missingLayers(
      asAttachment(held, name),
      asAttachment(brought, name),
    );
    if (missing.length > 0) {
      await this.#judge?.judgeContent(brought, this.#signal);
      audit.lacks(attachment);
    }
    await audit.examine?.(attachment, held.content.digest);
    return undefined;
  }

  /** Gives whether the tag's manifest had to be pushed. */
  async #bringTag(
    tag: string,
    wanted: Descriptor,
    held: "same" | undefined,
  ): Promise<boolean> {
    const context = this.#context;
    const signal = this.#signal;
    if (held && !context.recheck) return false;
    const manifest = await readManifest(context, wanted, signal);
    await this.#judge?.judgeContent(manifest, signal);
    await copyContent(context, manifest, { signal });
    if (held) return await bringManifest(context, manifest, tag, signal);
    await putManifest(context, manifest, tag, signal);
    return true;
  }

  /** Adds what the destination's tag lacks; gives whether that was anything. */
  async #unite(
    tag: string,
    wanted: Descriptor,
    held: Manifest,
  ): Promise<boolean> {
    const context = this.#context;
    const signal = this.#signal;
    const brought = await readManifest(context, wanted, signal);
    const has = asAttachment(held, tag);
    const comes = asAttachment(brought, tag);
    const missing = missingLayers(has, comes);
    if (missing.length > 0 || context.recheck) {
      await this.#judge?.judgeContent(brought, signal);
    }
    if (context.recheck) {
      const sent = new Set(comes.layers.map((layer) => layer.digest));
      await together([
        ...comes.layers.map((layer) => (signal: AbortSignal) =>
          copyBlob(context, layer, { signal })
        ),
        ...blobsOf(has).filter(({ digest }) => !sent.has(digest)).map(
          (blob) => (signal: AbortSignal) =>
            checkOwn(context, tag, blob, signal),
        ),
      ], signal);
    }
    if (missing.length === 0) return false;
    await addLayers(context, tag, has, {
      layers: missing,
      bring: (layer) => copyBlob(context, layer, { signal }),
      signal,
    });
    return true;
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
        if (held.has(digest) && await this.#isThere(digest, subject)) {
          return [digest];
        }
        const manifest = await readManifest(context, referrer, signal);
        if (subjectOf(manifest) !== subject) {
          context.events.warn(
            `${digest} is listed as a referrer of ${subject}, but does not refer to it: left behind`,
          );
          return [];
        }
        await this.#judge?.judgeContent(manifest, signal);
        if (this.#audit) {
          this.#audit.lacks({ name: digest, subject });
          return [];
        }
        context.manifestCache.set(digest, manifest);
        const pushed = await copyGraph(context, referrer, { signal });
        // A registry lists what it is given, not what it was found to have.
        if (!pushed && !held.has(digest)) {
          await putManifest(context, manifest, digest, signal);
        }
        if (pushed || !held.has(digest)) {
          context.events.onAttachment?.("copied");
        }
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

  /** Whether a referrer that the destination lists needs nothing. */
  async #isThere(digest: Digest, subject: Digest): Promise<boolean> {
    const context = this.#context;
    const { destination, destinationRepository } = context;
    if (this.#audit?.examine) {
      await this.#audit.examine({ name: digest, subject }, digest);
      return true;
    }
    if (context.recheck && !this.#audit) return false;
    // A list may name what is gone.
    const head = await atDestination(
      context,
      `look for referrer ${digest} in`,
      destination.headManifest(destinationRepository, digest, {
        signal: this.#signal,
      }),
    );
    return head !== undefined;
  }
}

/** What only the destination has cannot be brought again. */
async function checkOwn(
  context: CopyContext,
  tag: string,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const fault = await blobFault(context, blob, signal);
  if (!fault) return;
  await atDestination(
    context,
    `repair blob ${blob.digest} under tag ${tag} of`,
    Promise.reject(
      new HangarError(
        "content-mismatch",
        `the source does not have it, and it is ${fault.kind}: ${fault.message}`,
        { hint: "delete the tag at the destination, and mirror again" },
      ),
    ),
  );
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
