/**
 * Walking through indexes: the one way in which hangar follows entries, with the
 * one bound on how deep they are nested.
 *
 * @module
 */

import {
  depthInside,
  type Descriptor,
  type Manifest,
} from "../oci/manifest.ts";
import { together } from "../together.ts";

/** What a visitor of an entry is given. */
export interface EntryVisit<T> {
  /** Ends the work on this entry, also when the one beside it fails. */
  readonly signal: AbortSignal;
  /**
   * Visits the entries of a manifest that was found behind this entry; there
   * are none in an image.
   *
   * @throws {HangarError} `invalid-manifest` where they are nested too deep
   */
  readonly inside: (manifest: Manifest) => Promise<T[]>;
}

/** Options of {@linkcode walkEntries}. */
export interface WalkOptions {
  readonly signal: AbortSignal;
  /** How deep below the image's own manifest this one is. @default {0} */
  readonly depth?: number;
}

/**
 * Visits each entry of an index, side by side. What is behind an entry is
 * visited where the visitor asks for it, before or after its own work.
 *
 * @returns what the visitors gave, in the order of the index
 * @throws {HangarError} `invalid-manifest` where entries are nested too deep
 */
export async function walkEntries<T>(
  manifest: Manifest,
  visit: (entry: Descriptor, visit: EntryVisit<T>) => Promise<T>,
  { signal, depth = 0 }: WalkOptions,
): Promise<T[]> {
  if (manifest.kind === "image") return [];
  const inner = depthInside(depth, manifest.content.digest);
  return await together(
    manifest.entries.map((entry) => (signal) =>
      visit(entry, {
        signal,
        inside: (child) => walkEntries(child, visit, { signal, depth: inner }),
      })
    ),
    signal,
  );
}
