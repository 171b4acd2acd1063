/**
 * Where the parts of a decided image come from.
 *
 * @module
 */

import {
  describeManifest,
  type Descriptor,
  type IndexManifest,
  type Manifest,
} from "../../oci/manifest.ts";
import type { Merged, MergeSource } from "./merge_index.ts";

/** A part of an image that a source has under the same digest. */
export interface ImagePart {
  readonly descriptor: Descriptor;
  /** The source's position. */
  readonly source: number;
  /** The manifest, where it was read already. */
  readonly manifest?: Manifest;
}

/** Where the parts of a decided image come from. */
export interface ImageOrigin {
  /** The sources' entries, and their own manifests where those are kept. */
  readonly parts: readonly ImagePart[];
  /**
   * The manifest that the reference must hold, where a source has the same one.
   */
  readonly top?: ImagePart;
  /** The sources' manifests that were not kept, since an index was rebuilt. */
  readonly rebuilt: readonly ImagePart[];
  /** Digests that only the destination has: no source of this run has them. */
  readonly strangers: ReadonlySet<string>;
  /** Entries of the manifest that are not copied: they were not selected. */
  readonly leftOut: ReadonlySet<string>;
}

/**
 * Where an image that is taken whole comes from: the first source.
 *
 * @param leftOut entries that the source may lack, and does
 */
export function originOfWhole(
  manifest: Manifest,
  leftOut: ReadonlySet<string> = new Set(),
): ImageOrigin {
  const top = topOf(manifest, 0);
  const entries = manifest.kind === "index"
    ? manifest.entries.filter(({ digest }) => !leftOut.has(digest))
    : [];
  return {
    parts: distinct([
      top,
      ...entries.map((descriptor) => ({ descriptor, source: 0 })),
    ]),
    top,
    rebuilt: [],
    strangers: new Set(),
    leftOut,
  };
}

/** Where an index that is kept comes from, of which only some is copied. */
export function originOfSparse(
  manifest: IndexManifest,
  wanted: readonly Descriptor[],
): ImageOrigin {
  const top = topOf(manifest, 0);
  const leftOut = new Set<string>(manifest.entries.map((e) => e.digest));
  for (const { digest } of wanted) leftOut.delete(digest);
  return {
    parts: distinct([
      top,
      ...wanted.map((descriptor) => ({ descriptor, source: 0 })),
    ]),
    top,
    rebuilt: [],
    strangers: new Set(),
    leftOut,
  };
}

/** Where an image that was merged comes from. */
export function originOfMerged(
  sources: readonly MergeSource[],
  merged: Merged,
): ImageOrigin {
  const tops = sources.map(({ manifest }, source) => topOf(manifest, source));
  const top = merged.verbatim === undefined ? undefined : tops[merged.verbatim];
  const parts = distinct([...top ? [top] : [], ...merged.fromSources]);
  const kept = new Set(parts.map((part) => part.descriptor.digest));
  return {
    parts,
    top,
    rebuilt: tops.filter((part) => !kept.has(part.descriptor.digest)),
    strangers: new Set(merged.strangers.map((e) => e.descriptor.digest)),
    leftOut: new Set(),
  };
}

function topOf(manifest: Manifest, source: number): ImagePart {
  return { descriptor: describeManifest(manifest.content), source, manifest };
}

/** Each digest once: the first part is kept. */
function distinct(parts: readonly ImagePart[]): ImagePart[] {
  const known = new Map<string, ImagePart>();
  for (const part of parts) {
    const { digest } = part.descriptor;
    if (!known.has(digest)) known.set(digest, part);
  }
  return [...known.values()];
}
