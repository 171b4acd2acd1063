/**
 * The referrers of a manifest, brought along.
 *
 * @module
 */

import { subjectOf } from "../../oci/attachment.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import { together } from "../../together.ts";
import type { AttachmentCopy } from "./attachment_copy.ts";
import { listReferrersOf } from "./attachment_finder.ts";
import { copyGraph } from "../copy_graph.ts";
import { putManifest } from "../put_manifest.ts";
import { atDestination } from "../sides.ts";

/** Brings referrers along, or tells which are lacking. */
export class Referrers {
  readonly #copy: AttachmentCopy;

  constructor(copy: AttachmentCopy) {
    this.#copy = copy;
  }

  /** Gives the digests of the referrers that the destination has afterwards. */
  async bring(
    referrers: readonly Descriptor[],
    subject: Digest,
  ): Promise<Digest[]> {
    if (referrers.length === 0) return [];
    const { destination, signal } = this.#copy;
    const listed = await atDestination(
      destination,
      `read the referrers of ${subject} from`,
      listReferrersOf(destination, subject, signal),
    );
    const held = new Set(listed.map((d) => d.digest));
    const brought = await together(
      referrers.map((referrer) => async () =>
        await this.#bringOne(referrer, subject, held.has(referrer.digest))
          ? [referrer.digest]
          : []
      ),
      signal,
    );
    return brought.flat();
  }

  /**
   * @param isListed whether the destination lists it
   * @returns whether the destination has it afterwards
   */
  async #bringOne(
    referrer: Descriptor,
    subject: Digest,
    isListed: boolean,
  ): Promise<boolean> {
    const copy = this.#copy;
    const { source, destination, signal, audit } = copy;
    const { events } = destination;
    const { digest } = referrer;
    events.onAttachment?.("found");
    await copy.admit(referrer);
    if (isListed && await this.#isThere(digest, subject)) return true;
    const manifest = await copy.read(referrer);
    if (subjectOf(manifest) !== subject) {
      events.warn(
        `${digest} is listed as a referrer of ${subject}, but does not refer to it: left behind`,
      );
      return false;
    }
    await copy.admitContent(manifest);
    if (audit) {
      audit.lacks({ name: digest, subject });
      return false;
    }
    source.manifests.set(digest, manifest);
    const role = "referrer";
    const pushed = await copyGraph(source, destination, referrer, {
      role,
      signal,
    });
    // A registry lists what it is given, not what it was found to have.
    if (!pushed && !isListed) {
      const put = { role, signal, source } as const;
      await putManifest(destination, manifest, digest, put);
    }
    if (pushed || !isListed) events.onAttachment?.("copied");
    return true;
  }

  /** Whether a referrer that the destination lists needs nothing. */
  async #isThere(digest: Digest, subject: Digest): Promise<boolean> {
    const { destination, audit, signal } = this.#copy;
    const { store, repository, recheck } = destination;
    if (audit?.examine) {
      await audit.examine({ name: digest, subject }, digest);
      return true;
    }
    if (recheck && !audit) return false;
    // A list may name what is gone.
    const head = await atDestination(
      destination,
      `look for referrer ${digest} in`,
      store.headManifest(repository, digest, { signal }),
    );
    return head !== undefined;
  }
}
