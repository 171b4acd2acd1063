/**
 * Referrers that an archive names, and that no list of referrers has: oras keeps
 * them so, as entries of `index.json` without a name.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  describeReferrer,
  isAttachmentTag,
  isFallbackTag,
  subjectOf,
} from "../oci/attachment.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest, ManifestContent } from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import type { ArchiveEntry, ArchiveIndex } from "./archive_index.ts";

/** Finds them. The manifests are read once, when they are first asked for. */
export class UnlistedReferrers {
  readonly #index: ArchiveIndex;
  readonly #read: (digest: Digest) => Promise<ManifestContent | undefined>;
  #bySubject?: Promise<ReadonlyMap<Digest, readonly Descriptor[]>>;

  constructor(
    index: ArchiveIndex,
    read: (digest: Digest) => Promise<ManifestContent | undefined>,
  ) {
    this.#index = index;
    this.#read = read;
  }

  /** The referrers of a manifest. */
  async of(subject: Digest): Promise<readonly Descriptor[]> {
    this.#bySubject ??= this.#readAll();
    return (await this.#bySubject).get(subject) ?? [];
  }

  async #readAll(): Promise<Map<Digest, Descriptor[]>> {
    const found = new Map<Digest, Descriptor[]>();
    const unnamed = this.#index.entries.filter(isUnnamed);
    if (unnamed.length === 0) return found;
    // What is listed belongs to the repositories whose lists have it.
    const listed = await this.#listed();
    const digests = new Set(unnamed.map(({ descriptor }) => descriptor.digest));
    for (const digest of digests) {
      const manifest = listed.has(digest)
        ? undefined
        : await this.#manifest(digest);
      const subject = manifest && subjectOf(manifest);
      if (subject === undefined) continue;
      const referrers = found.get(subject) ?? [];
      referrers.push(describeReferrer(manifest!));
      found.set(subject, referrers);
    }
    return found;
  }

  async #listed(): Promise<Set<Digest>> {
    const listed = new Set<Digest>();
    for (const { reference, bareTag, descriptor } of this.#index.entries) {
      if (!isFallbackTag(reference?.tag ?? bareTag ?? "")) continue;
      const list = await this.#manifest(descriptor.digest);
      if (list?.kind !== "index") continue;
      for (const { digest } of list.entries) listed.add(digest);
    }
    return listed;
  }

  /** A manifest; undefined where it is damaged, which concerns no image yet. */
  async #manifest(digest: Digest): Promise<Manifest | undefined> {
    try {
      const content = await this.#read(digest);
      const manifest = content && parseContent(content);
      // One whose subject is malformed is damaged too.
      if (manifest) subjectOf(manifest);
      return manifest;
    } catch (error) {
      if (error instanceof HangarError) return undefined;
      throw error;
    }
  }
}

/** Whether an entry may be a referrer. */
function isUnnamed({ reference, bareTag }: ArchiveEntry): boolean {
  return !reference &&
    (bareTag === undefined ||
      !isAttachmentTag(bareTag) && !isFallbackTag(bareTag));
}
