/**
 * Walking through indexes. All code follows entries in this way, with one limit
 * on how deep they are nested.
 *
 * @module
 */

import {
  depthInside,
  type Descriptor,
  type Manifest,
} from "../oci/manifest.ts";
import { together } from "../together.ts";

/** What a visitor of an entry receives. */
export interface EntryVisit<T> {
  /** Ends the work on this entry, also when the work on another entry fails. */
  readonly signal: AbortSignal;
  /**
   * Visits the entries of the manifest that this entry names. An image has
   * none.
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
 * Visits each entry of an index, side by side. The visitor decides when the
 * entries below an entry are visited: before or after its own work.
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
