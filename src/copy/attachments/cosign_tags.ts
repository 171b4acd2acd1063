/**
 * What cosign keeps beside an image, under tags made from its digest: brought
 * along, and united with what the destination has under the same tag.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { asAttachment, missingLayers } from "../../oci/attachment.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Descriptor, Manifest } from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import { together } from "../../together.ts";
import { addLayers } from "./add_layers.ts";
import type {
  Attachment,
  AttachmentAudit,
  AttachmentCopy,
} from "./attachment_copy.ts";
import { copyBlob } from "../blobs/copy_blob.ts";
import { blobsOf, copyContent } from "../copy_graph.ts";
import { blobFault, isUnreadable } from "../held_content.ts";
import { bringManifest, putManifest } from "../put_manifest.ts";
import { atDestination, atSource, placeName } from "../sides.ts";

/** What the destination's tag holds: the same, something else, or nothing. */
type Held = Manifest | "same" | undefined;

/** Brings cosign's tags along, or tells which are lacking. */
export class CosignTags {
  readonly #copy: AttachmentCopy;

  constructor(copy: AttachmentCopy) {
    this.#copy = copy;
  }

  /**
   * Gives the digest under the tag, where the destination has the same.
   *
   * @param replace whether what the tag holds is replaced, not added to
   */
  async bring(
    tag: string,
    subject: Digest,
    { replace = false } = {},
  ): Promise<Digest | undefined> {
    const { source, destination, signal } = this.#copy;
    const wanted = await atSource(
      source,
      `tag ${tag}`,
      source.store.headManifest(source.repository, tag, { signal }),
    );
    if (!wanted) return undefined;
    destination.events.onAttachment?.("found");
    // What the HEAD came as is no claim; the GET's is judged with the bytes.
    const described = { ...wanted, mediaType: "" };
    await this.#copy.admit(described);
    return await destination.services.locks.run(
      `${placeName(destination)}:${tag}`,
      signal,
      () => this.#bringLocked({ name: tag, subject }, described, replace),
    );
  }

  async #bringLocked(
    attachment: Attachment,
    wanted: Descriptor,
    replace: boolean,
  ): Promise<Digest | undefined> {
    const { destination, audit } = this.#copy;
    const { name: tag } = attachment;
    const there = await this.#readHeld(tag, wanted.digest).catch((error) =>
      this.#onUnreadable(error, attachment)
    );
    if (there === "unreadable") return undefined;
    const held = replace && there !== "same" ? undefined : there;
    if (audit) return await this.#auditTag(audit, attachment, wanted, held);
    const isWhole = held === undefined || held === "same";
    const isNew = isWhole
      ? await this.#bringWhole(tag, wanted, held)
      : await this.#unite(tag, wanted, held);
    if (isNew) destination.events.onAttachment?.("copied");
    return isWhole ? wanted.digest : undefined;
  }

  /** It may be a signature of the destination's own, so it is not replaced. */
  #onUnreadable(error: unknown, attachment: Attachment): "unreadable" {
    if (!isUnreadable(error)) throw error;
    const { message } = error;
    const { audit } = this.#copy;
    if (audit) {
      audit.lacks(attachment, { kind: "unreadable", message });
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
    wanted: Descriptor,
    held: Held,
  ): Promise<Digest | undefined> {
    if (held === "same") {
      await audit.examine?.(attachment, wanted.digest);
      return wanted.digest;
    }
    const brought = await this.#copy.read(wanted);
    if (held === undefined) {
      await this.#copy.admitContent(brought);
      audit.lacks(attachment);
      return undefined;
    }
    const { name } = attachment;
    const missing = missingLayers(
      asAttachment(held, name),
      asAttachment(brought, name),
    );
    if (missing.length > 0) {
      await this.#copy.admitContent(brought);
      audit.lacks(attachment);
    }
    await audit.examine?.(attachment, held.content.digest);
    return undefined;
  }

  /** Gives whether the tag's manifest had to be pushed. */
  async #bringWhole(
    tag: string,
    wanted: Descriptor,
    held: "same" | undefined,
  ): Promise<boolean> {
    const { source, destination, signal } = this.#copy;
    if (held && !destination.recheck) return false;
    const manifest = await this.#copy.read(wanted);
    await this.#copy.admitContent(manifest);
    await copyContent(source, destination, manifest, { signal });
    const put = { role: "referrer", signal, source } as const;
    if (held) return await bringManifest(destination, manifest, tag, put);
    await putManifest(destination, manifest, tag, put);
    return true;
  }

  /** Adds what the destination's tag lacks; gives whether that was anything. */
  async #unite(
    tag: string,
    wanted: Descriptor,
    held: Manifest,
  ): Promise<boolean> {
    const { source, destination, signal } = this.#copy;
    const brought = await this.#copy.read(wanted);
    const has = asAttachment(held, tag);
    const comes = asAttachment(brought, tag);
    const missing = missingLayers(has, comes);
    if (missing.length > 0 || destination.recheck) {
      await this.#copy.admitContent(brought);
    }
    if (destination.recheck) {
      const sent = new Set(comes.layers.map((layer) => layer.digest));
      await together([
        ...comes.layers.map((layer) => (signal: AbortSignal) =>
          copyBlob(source, destination, layer, { signal })
        ),
        ...blobsOf(has).filter(({ digest }) => !sent.has(digest)).map(
          (blob) => (signal: AbortSignal) => this.#checkOwn(tag, blob, signal),
        ),
      ], signal);
    }
    if (missing.length === 0) return false;
    await addLayers(destination, tag, has, {
      layers: missing,
      bring: (layer) => copyBlob(source, destination, layer, { signal }),
      signal,
    });
    return true;
  }

  async #readHeld(tag: string, wanted: Digest): Promise<Held> {
    const { destination, signal } = this.#copy;
    const { store, repository } = destination;
    const read = async () => {
      const head = await store.headManifest(repository, tag, { signal });
      if (!head) return undefined;
      if (head.digest === wanted) return "same";
      const content = await store.getManifest(repository, head.digest, {
        signal,
      });
      return content && parseContent(content);
    };
    return await atDestination(destination, `read tag ${tag} from`, read());
  }

  /** What only the destination has cannot be brought again. */
  async #checkOwn(
    tag: string,
    blob: Descriptor,
    signal: AbortSignal,
  ): Promise<void> {
    const { destination } = this.#copy;
    const fault = await blobFault(destination, blob, signal);
    if (!fault) return;
    await atDestination(
      destination,
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
}
