/**
 * The images of an archive, each with what is attached to it: cosign's tags and
 * lists of referrers, which are entries of their own.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { formatReference } from "../names/reference.ts";
import {
  ATTACHMENT_SUFFIXES,
  attachmentTag,
  fallbackTag,
  isAttachmentTag,
  isFallbackTag,
} from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";
import {
  type ArchiveEntry,
  fullName,
  namedEntry,
  savedChildren,
} from "./archive_index.ts";
import type { ArchiveRecord } from "./archive_record.ts";
import type { Content } from "./content.ts";
import {
  type ExpectedChildren,
  type ImageTree,
  TreeReader,
  type TreeSource,
} from "./image_tree.ts";

/** Attachments of attachments: a signature on an SBOM is the second. */
const MAX_DEPTH = 8;

/** What one image may have attached, in all. */
const MAX_ATTACHMENTS = 10_000;

/** An entry, and what it stands for. */
export interface ReadEntry {
  readonly entry: ArchiveEntry;
  readonly tree: ImageTree;
}

/** An archive, as it was opened. */
export interface DescribedArchive {
  readonly medium: TreeSource;
  readonly index: { readonly entries: readonly ArchiveEntry[] };
  /** hangar's own; other tools write none. */
  readonly record?: Pick<ArchiveRecord, "leftOut">;
}

/** The entries of one archive, or of several that are read as one. */
export interface ArchiveImagesOptions {
  readonly medium: TreeSource;
  readonly entries: readonly ArchiveEntry[];
  /** Content that others have. */
  readonly leftOut: readonly Content[];
  /** The children of an entry's index that must be there. */
  readonly expected: (entry: ArchiveEntry) => ExpectedChildren;
}

/** What an entry is called. */
export function nameOfEntry(
  { reference, bareTag, descriptor }: ArchiveEntry,
): string {
  return reference ? formatReference(reference) : bareTag ?? descriptor.digest;
}

/** Whether an entry has neither a reference nor a tag. */
function isUnnamed({ reference, bareTag }: ArchiveEntry): boolean {
  return !reference && bareTag === undefined;
}

/** The tag of an entry, with or without a repository. */
export function tagOf(
  { reference, bareTag }: ArchiveEntry,
): string | undefined {
  return reference?.tag ?? bareTag;
}

/** Whether an entry belongs to another one, of which it holds signatures. */
export function isAttachment(entry: ArchiveEntry): boolean {
  const tag = tagOf(entry);
  return tag !== undefined && (isAttachmentTag(tag) || isFallbackTag(tag));
}

/** The images of an archive. */
export class ArchiveImages {
  readonly #options: ArchiveImagesOptions;
  readonly #reader: TreeReader;
  readonly #tags = new Map<string, ArchiveEntry>();
  /** Tags without a repository. */
  readonly #bare = new Map<string, ArchiveEntry>();
  readonly #unnamed = new Map<Digest, ArchiveEntry>();
  #referrers?: Promise<ReadonlyMap<Digest, readonly ArchiveEntry[]>>;

  constructor(options: ArchiveImagesOptions) {
    this.#options = options;
    this.#reader = new TreeReader(options.medium, options.leftOut);
    for (const entry of options.entries) {
      const { reference, bareTag, descriptor } = entry;
      if (bareTag !== undefined) this.#bare.set(bareTag, entry);
      else if (!reference) this.#unnamed.set(descriptor.digest, entry);
      else if (reference.tag !== undefined) {
        this.#tags.set(`${fullName(reference)}:${reference.tag}`, entry);
      }
    }
  }

  /**
   * Those of one archive. hangar's own say which children of an index they hold;
   * those of other tools hold what they hold.
   */
  static of({ medium, index, record }: DescribedArchive): ArchiveImages {
    return new ArchiveImages({
      medium,
      entries: index.entries,
      leftOut: record?.leftOut ?? [],
      expected: (entry) => record ? savedChildren(entry) ?? "all" : undefined,
    });
  }

  /** All entries, in the order of the index. */
  get entries(): readonly ArchiveEntry[] {
    return this.#options.entries;
  }

  /**
   * The entries that are images of their own. One without any name is, unless
   * it refers to another manifest or is a part of another image.
   */
  async images(): Promise<ArchiveEntry[]> {
    const referrers = new Set([...(await this.#bySubject()).values()].flat());
    const images = this.entries.filter((entry) =>
      !isAttachment(entry) && !referrers.has(entry)
    );
    if (!images.some(isUnnamed)) return images;
    const parts = await this.#parts();
    return images.filter((entry) =>
      !isUnnamed(entry) || !parts.has(entry.descriptor.digest)
    );
  }

  /** What images are made of: oras has an entry for each child too. */
  async #parts(): Promise<Set<Digest>> {
    const parts = new Set<Digest>();
    for (const entry of this.entries) {
      const { manifests } = await this.read(entry);
      const below = isUnnamed(entry) ? manifests.slice(1) : manifests;
      for (const { digest } of below) parts.add(digest);
    }
    return parts;
  }

  /** The entries without a name that refer to a manifest. */
  #bySubject(): Promise<ReadonlyMap<Digest, readonly ArchiveEntry[]>> {
    return this.#referrers ??= this.#readSubjects();
  }

  async #readSubjects(): Promise<Map<Digest, ArchiveEntry[]>> {
    const found = new Map<Digest, ArchiveEntry[]>();
    for (const entry of this.#unnamed.values()) {
      const { subject } = await this.read(entry);
      if (subject === undefined) continue;
      found.set(subject, [...found.get(subject) ?? [], entry]);
    }
    return found;
  }

  /** Reads what an entry stands for. */
  async read(entry: ArchiveEntry): Promise<ImageTree> {
    return await this.#reader.read(
      entry.descriptor,
      this.#options.expected(entry),
    );
  }

  /** Reads an entry and all that is attached to it, to any depth. */
  async readWhole(entry: ArchiveEntry): Promise<ReadEntry[]> {
    const found = new Map<ArchiveEntry, ReadEntry>();
    await this.#collect(entry, entry, found, 0);
    return [...found.values()];
  }

  async #collect(
    image: ArchiveEntry,
    entry: ArchiveEntry,
    found: Map<ArchiveEntry, ReadEntry>,
    depth: number,
  ): Promise<void> {
    if (found.has(entry) || depth > MAX_DEPTH) return;
    if (found.size >= MAX_ATTACHMENTS) {
      throw new HangarError(
        "too-large",
        `${
          nameOfEntry(image)
        } has more than ${MAX_ATTACHMENTS} signatures and referrers`,
      );
    }
    const tree = await this.read(entry);
    found.set(entry, { entry, tree });
    for (const { digest } of tree.manifests) {
      for (const attached of await this.#attachedTo(image, digest)) {
        await this.#collect(image, attached, found, depth + 1);
      }
    }
  }

  /** The entries that belong to a manifest of an image. */
  async #attachedTo(
    { reference }: ArchiveEntry,
    digest: Digest,
  ): Promise<ArchiveEntry[]> {
    const tags = [
      ...ATTACHMENT_SUFFIXES.map((suffix) => attachmentTag(digest, suffix)),
      fallbackTag(digest),
    ];
    return [
      ...tags.flatMap((tag = "") => this.#tagged(reference, tag) ?? []),
      ...(await this.#bySubject()).get(digest) ?? [],
    ];
  }

  /** What a tag beside an image points at. */
  #tagged(
    reference: ArchiveEntry["reference"],
    tag: string,
  ): ArchiveEntry | undefined {
    const named = reference && this.#tags.get(`${fullName(reference)}:${tag}`);
    return named ?? this.#bare.get(tag);
  }
}

/**
 * An entry as it is written into an archive that holds this much of it. Entries
 * of other tools without a full name stay as they are.
 */
export function writtenEntry({ entry, tree }: ReadEntry): ArchiveEntry {
  const { reference } = entry;
  if (!reference) return entry;
  return namedEntry(
    reference,
    entry.descriptor,
    tree.children && tree.children.absent > 0
      ? tree.children.present
      : undefined,
  );
}
