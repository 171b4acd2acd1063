/**
 * `index.json`: the references of an archive (image-spec image-layout.md,
 * annotations.md).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  formatReference,
  parseReference,
  type Reference,
} from "../names/reference.ts";
import { type Descriptor, parseDescriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import {
  isJsonObject,
  type JsonObject,
  MANIFEST_KEYS,
  parseJsonObject,
} from "../oci/json.ts";
import { MediaType } from "../oci/manifest.ts";

/** The reference, for all tools that read OCI layouts. */
const REF_NAME = "org.opencontainers.image.ref.name";

/** The reference, for containerd's importer. */
const CONTAINERD_NAME = "io.containerd.image.name";

/**
 * The children of an index that the archive holds, where it does not hold all
 * of them: digests, with commas between them.
 */
const CHILDREN = "io.jsr.hangar.children";

/** The largest `index.json` that is read, in bytes. */
export const MAX_INDEX_BYTES = 256 * 1024 * 1024;

/** One entry of an archive's index. */
export interface ArchiveEntry {
  readonly descriptor: Descriptor;
  /** By which it was saved; undefined where the index names none. */
  readonly reference?: Reference;
  /** A tag without a repository, as skopeo and regctl write it. */
  readonly bareTag?: string;
}

/** The references of an archive. */
export class ArchiveIndex {
  readonly #named = new Map<string, ArchiveEntry>();
  readonly #others: ArchiveEntry[] = [];
  readonly #tags = new Map<string, Map<string, ArchiveEntry>>();
  readonly #bare = new Map<string, ArchiveEntry>();

  /** All entries, sorted: equal content gives equal bytes. */
  get entries(): readonly ArchiveEntry[] {
    return [...this.#named.values(), ...this.#others].sort(byName);
  }

  /**
   * The tags of a repository, by its full name; undefined where it has none. Tags
   * without a repository may be those of any, and so may all content of an archive
   * that names no repository.
   */
  tagsOf(repository: string): readonly string[] | undefined {
    const tags = this.#tags.get(repository);
    const isAnyones = this.#bare.size > 0 ||
      this.#named.size === 0 && this.#others.length > 0;
    if (!tags && !isAnyones) return undefined;
    return [...new Set([...tags?.keys() ?? [], ...this.#bare.keys()])].sort();
  }

  /** What a tag of a repository points at. */
  find(repository: string, tag: string): Descriptor | undefined {
    return this.#tags.get(repository)?.get(tag)?.descriptor ??
      this.#bare.get(tag)?.descriptor;
  }

  /** Adds an entry; it replaces the one of the same name. */
  add(entry: ArchiveEntry): void {
    const { reference, bareTag } = entry;
    if (bareTag !== undefined) this.#bare.set(bareTag, entry);
    if (!reference) {
      this.#others.push(entry);
      return;
    }
    this.#named.set(formatReference(reference), entry);
    if (reference.tag === undefined) return;
    const name = fullName(reference);
    const tags = this.#tags.get(name) ?? new Map<string, ArchiveEntry>();
    tags.set(reference.tag, entry);
    this.#tags.set(name, tags);
  }

  /** Whether an entry without a name points at some content. */
  hasUnnamed(digest: Digest): boolean {
    return this.#others.some((entry) => entry.descriptor.digest === digest);
  }

  /** The bytes of `index.json`. */
  encode(): Uint8Array {
    const json = {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: this.entries.map((entry) => entry.descriptor.json),
    };
    return new TextEncoder().encode(JSON.stringify(json));
  }
}

/** The name of a repository with its registry. */
export function fullName(
  { registry, repository }: Pick<Reference, "registry" | "repository">,
): string {
  return `${registry}/${repository}`;
}

function byName(a: ArchiveEntry, b: ArchiveEntry): number {
  const [left, right] = [a, b].map(({ descriptor, reference }) =>
    `${reference ? formatReference(reference) : "~"} ${descriptor.digest}`
  ) as [string, string];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * An entry for an image that is saved.
 *
 * @param children what the archive holds of an index, where that is not all
 */
export function namedEntry(
  reference: Reference,
  described: Descriptor,
  children?: readonly Digest[],
): ArchiveEntry {
  const name = formatReference(reference);
  const json: JsonObject = {
    mediaType: described.mediaType,
    digest: described.digest,
    size: described.size,
    annotations: {
      [REF_NAME]: name,
      [CONTAINERD_NAME]: name,
      ...(children && { [CHILDREN]: children.join(",") }),
    },
  };
  return { reference, descriptor: parseDescriptor(json, "entry") };
}

/** An entry for content that has no reference of its own. */
export function unnamedEntry(described: Descriptor): ArchiveEntry {
  const { mediaType, digest, size, artifactType } = described;
  const json: JsonObject = {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
  };
  return { descriptor: parseDescriptor(json, "entry") };
}

/** The children of an index that the archive holds; undefined for all. */
export function savedChildren(
  { descriptor }: ArchiveEntry,
): ReadonlySet<string> | undefined {
  const text = descriptor.annotations?.[CHILDREN];
  return text === undefined ? undefined : new Set(text.split(","));
}

/**
 * Reads `index.json`.
 *
 * @param name what the archive is called in errors
 * @throws {HangarError} `invalid-archive`
 */
export function parseArchiveIndex(
  bytes: Uint8Array,
  name: string,
): ArchiveIndex {
  const what = `${name}: index.json`;
  try {
    const json = parseJsonObject(bytes, what, MANIFEST_KEYS);
    const { manifests } = json;
    if (json["schemaVersion"] !== 2 || !Array.isArray(manifests)) {
      throw new HangarError("invalid-archive", `${what} is not an image index`);
    }
    const index = new ArchiveIndex();
    for (const [i, item] of manifests.entries()) {
      const descriptor = parseDescriptor(item, `manifests[${i}]`);
      index.add({ descriptor, ...nameOf(descriptor) });
    }
    return index;
  } catch (error) {
    if (!(error instanceof HangarError)) throw error;
    const { message } = error;
    throw new HangarError(
      "invalid-archive",
      message.startsWith(name) ? message : `${what}: ${message}`,
      { cause: error },
    );
  }
}

/** The reference of an entry, where its annotations have one. */
function nameOf(
  { annotations = {}, digest }: Descriptor,
): Pick<ArchiveEntry, "reference" | "bareTag"> {
  const texts = [annotations[CONTAINERD_NAME], annotations[REF_NAME]];
  for (const text of texts) {
    if (text === undefined || !/[/:@]/.test(text)) continue;
    try {
      const { registry, repository, tag, digest: pinned } = parseReference(
        text,
      );
      // A name that pins other content than its entry names nothing.
      if (pinned !== undefined && pinned !== digest) continue;
      return { reference: { registry, repository, tag, digest: pinned } };
    } catch {
      // Other tools write what they like.
    }
  }
  const tag = annotations[REF_NAME];
  return tag !== undefined && /^[\w][\w.-]{0,127}$/.test(tag)
    ? { bareTag: tag }
    : {};
}

/** Whether some JSON looks like `index.json`. */
export function isIndexJson(json: unknown): boolean {
  return isJsonObject(json) && Array.isArray(json["manifests"]);
}
