/**
 * Merges the selection of the sources with what a destination tag holds
 * already. Pure: equal input gives equal bytes.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../json.ts";
import {
  attestationSubject,
  type Descriptor,
  encodeManifest,
  isOciType,
  type Manifest,
  MediaType,
} from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import type { Platform } from "../../oci/platform.ts";

/** An index entry and the platform it counts as. */
export interface MergeEntry {
  readonly descriptor: Descriptor;
  /** `platformKey` of its platform; `undefined` where it has none. */
  readonly key?: string;
  /**
   * Its platform, from the entry or the config; `undefined` where it has none.
   */
  readonly platform?: Platform;
}

/** One source, and the entries that were selected. */
export interface MergeSource {
  readonly manifest: Manifest;
  /** All its entries; a single manifest counts as an index of itself. */
  readonly entries: readonly MergeEntry[];
  readonly selected: ReadonlySet<string>;
  /**
   * Entries that name selected content by a platform that is not wanted.
   *
   * @default {none}
   */
  readonly unwanted?: ReadonlySet<Descriptor>;
  /** Entries that the source may lack, and does. @default {none} */
  readonly lacking?: ReadonlySet<string>;
}

/** What the destination tag holds. */
export interface MergeExisting {
  readonly manifest: Manifest;
  readonly entries: readonly MergeEntry[];
}

/** What the tag must hold. */
export interface Merged {
  readonly manifest: Manifest;
  /** The entries of it that come from sources, with the source's position. */
  readonly fromSources: readonly {
    readonly descriptor: Descriptor;
    readonly source: number;
  }[];
  /** The entries that only the destination has. */
  readonly strangers: readonly MergeEntry[];
  /** Set when the bytes are those of a source: its position. */
  readonly verbatim?: number;
}

interface Placed extends MergeEntry {
  /** Position of the source; -1 for an entry that only the destination has. */
  readonly source: number;
}

/**
 * Merges in list order: a later source's platform replaces an earlier one's and
 * the destination's. Entries that a source has come first, in source order;
 * entries that only the destination has come last. When the result has the same
 * entries as a source, it is the source's own manifest, byte for byte.
 */
export function mergeIndex(
  sources: readonly MergeSource[],
  existing?: MergeExisting,
): Merged {
  const idOf = identify([...sources, ...existing ? [existing] : []]);
  const placed = placeEntries(sources, existing, idOf);
  const entries = dropOrphans(placed, sources);
  const ids = entries.map(idOf);
  const fromSources = entries.filter((e) => e.source >= 0);
  const strangers = entries.filter((e) => e.source < 0);
  for (let i = sources.length - 1; i >= 0; i--) {
    if (sameSet(sources[i]!.entries.map(idOf), ids)) {
      return {
        manifest: sources[i]!.manifest,
        fromSources,
        strangers,
        verbatim: i,
      };
    }
  }
  const json = buildJson(sources, existing, entries);
  // The order is kept: otherwise two runs with different lists would reorder a
  // shared tag again and again.
  const manifest = existing?.manifest.kind === "index" &&
      sameButOrder(existing.manifest.json, json)
    ? existing.manifest
    : parseContent(encodeManifest(json));
  return { manifest, fromSources, strangers };
}

/** By what an entry is known among those of all sides. */
type IdentifyEntry = (entry: MergeEntry) => string;

/**
 * An entry is known by its digest. Only where one index names the same content
 * for several platforms is the platform a part of it, since two sides may say
 * more or less of one platform.
 */
function identify(
  sides: readonly Pick<MergeSource, "entries">[],
): IdentifyEntry {
  const shared = new Set<string>();
  for (const { entries } of sides) {
    const keys = new Map<string, string | undefined>();
    for (const { descriptor: { digest }, key } of entries) {
      if (keys.has(digest) && keys.get(digest) !== key) shared.add(digest);
      keys.set(digest, key);
    }
  }
  return ({ descriptor: { digest }, key = "" }) =>
    shared.has(digest) ? `${digest} ${key}` : digest;
}

function isSelected(
  { selected, unwanted }: MergeSource,
  { descriptor }: MergeEntry,
): boolean {
  return selected.has(descriptor.digest) && !unwanted?.has(descriptor);
}

function placeEntries(
  sources: readonly MergeSource[],
  existing: MergeExisting | undefined,
  idOf: IdentifyEntry,
): Placed[] {
  const held = new Set<string>(existing?.entries.map(idOf));
  // The platforms that later sources replace, seen from the end of the list.
  const replacing = new Map<string, number>();
  for (const [i, source] of sources.entries()) {
    for (const entry of source.entries) {
      if (entry.key !== undefined && isSelected(source, entry)) {
        replacing.set(entry.key, i);
      }
    }
  }
  const placed = new Map<string, Placed>();
  const owned = new Set<string>();
  for (const [i, source] of sources.entries()) {
    for (const entry of source.entries) {
      const { key, descriptor } = entry;
      const id = idOf(entry);
      const wanted = isSelected(source, entry);
      owned.add(id);
      if (!wanted && !held.has(id)) continue;
      const replacedBy = key === undefined ? undefined : replacing.get(key);
      const replaced = replacedBy !== undefined && replacedBy !== i &&
        (replacedBy > i || !wanted);
      if (!replaced && !placed.has(id)) {
        placed.set(id, { descriptor, key, source: i });
      }
    }
  }
  for (const entry of existing?.entries ?? []) {
    const { key } = entry;
    const id = idOf(entry);
    if (owned.has(id)) continue;
    if (key !== undefined && replacing.has(key)) continue;
    placed.set(id, { ...entry, source: -1 });
  }
  return [...placed.values()];
}

/** An attestation stays only while its subject is in the index. */
function dropOrphans(
  entries: readonly Placed[],
  sources: readonly MergeSource[],
): Placed[] {
  const present = new Set<string>(entries.map((e) => e.descriptor.digest));
  return entries.filter(({ descriptor, source }) => {
    const subject = attestationSubject(descriptor);
    if (subject === undefined || present.has(subject)) return true;
    // A source may hold an attestation whose subject it lacks. It is copied as
    // it is.
    return source >= 0 &&
      !sources.some((s) =>
        s.entries.some((e) => e.descriptor.digest === subject)
      );
  });
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const set = new Set(a);
  return set.size === new Set(b).size && b.every((item) => set.has(item));
}

function buildJson(
  sources: readonly MergeSource[],
  existing: MergeExisting | undefined,
  entries: readonly Placed[],
): JsonObject {
  const index = sources.find((s) => s.manifest.kind === "index")?.manifest ??
    // When all entries come from sources, annotations of the destination are
    // dropped.
    (existing?.manifest.kind === "index" && entries.some((e) => e.source < 0)
      ? existing.manifest
      : undefined);
  return {
    schemaVersion: 2,
    ...index?.json,
    mediaType: mediaTypeOf(sources, existing),
    manifests: entries.map((e) => e.descriptor.json),
  };
}

function mediaTypeOf(
  sources: readonly MergeSource[],
  existing: MergeExisting | undefined,
): string {
  const indexes = sources.filter((s) => s.manifest.kind === "index");
  const deciding = indexes.length > 0
    ? indexes.map((s) => s.manifest)
    : [...sources, ...(existing ? [existing] : [])].map((s) => s.manifest);
  return deciding.some((m) => isOciType(m.content.mediaType))
    ? MediaType.ociIndex
    : MediaType.dockerList;
}

function sameButOrder(a: JsonObject, b: JsonObject): boolean {
  return canonical(a) === canonical(b);
}

function canonical(json: JsonObject): string {
  const { manifests, ...rest } = json;
  const entries = Array.isArray(manifests)
    ? manifests.map((entry) => JSON.stringify(sorted(entry))).sort()
    : [];
  return JSON.stringify([sorted(rest), entries]);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1)
      .map(([key, item]) => [key, sorted(item)]),
  );
}
