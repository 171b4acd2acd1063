/**
 * A source's own index under the destination's tag, of which only the selected
 * entries are copied: its digest and its signatures hold.
 *
 * @module
 */

import {
  attestationSubject,
  type IndexManifest,
  type Manifest,
} from "../../oci/manifest.ts";
import { formatPlatform, platformKey } from "../../oci/platform.ts";
import type { LostEntry, SparseIndex } from "../events.ts";
import type { ImageRun } from "../image_run.ts";
import type { DecidedImage, Decision } from "./decision.ts";
import { findHeld } from "./held_entries.ts";
import { originOfSparse } from "./image_origin.ts";
import { destinationReader, platformOfImage } from "./image_reader.ts";
import type { MergeSource } from "./merge_index.ts";
import { namesOf } from "./tell_image.ts";

/** A source whose manifest is an index. */
export type IndexSource = MergeSource & { readonly manifest: IndexManifest };

/**
 * Decides that a tag holds a source's own index. That is up to date only where
 * all selected entries are there too: the tag's digest does not prove it.
 *
 * @param existing what the tag holds now
 */
export async function decideSparse(
  run: ImageRun,
  source: IndexSource,
  existing: Manifest | undefined,
): Promise<DecidedImage> {
  const { manifest, selected } = source;
  const wanted = manifest.entries.filter((e) => selected.has(e.digest));
  const held = await findHeld(run, wanted, existing);
  const isHeld = existing?.content.digest === manifest.content.digest &&
    wanted.every(({ digest }) => held.has(digest));
  return {
    kind: isHeld ? "up-to-date" : "write",
    manifest,
    origin: originOfSparse(manifest, wanted),
    sourceDigests: [manifest.content.digest],
    sparse: await describeSparse(run, source, existing),
    existing,
    held,
  };
}

/**
 * The decision that holds where a registry did not take the source's index: the
 * tag then names a rebuilt one. Undefined where it does not name that either.
 *
 * @param decide decides again, for an index that is rebuilt
 */
export async function fallbackOf(
  { sparse, existing, manifest }: DecidedImage,
  decide: () => Promise<Decision>,
): Promise<DecidedImage | undefined> {
  const isOther = sparse && existing?.kind === "index" &&
    existing.content.digest !== manifest.content.digest;
  if (!isOther) return undefined;
  const rebuilt = await decide();
  return rebuilt.kind === "up-to-date" ? rebuilt : undefined;
}

/** What is left out of it; undefined where nothing is. */
async function describeSparse(
  run: ImageRun,
  source: IndexSource,
  existing: Manifest | undefined,
): Promise<SparseIndex | undefined> {
  const { manifest, selected } = source;
  const lost = await lostEntries(run, manifest, existing);
  const isWhole = manifest.entries.every((e) => selected.has(e.digest));
  if (isWhole && lost.length === 0) return undefined;
  const all = namesOf(source.entries);
  const some = source.entries.filter((e) => selected.has(e.descriptor.digest));
  return { selected: namesOf(some), available: all.length, lost };
}

/**
 * What the tag will no longer name, of platforms that the source does not have.
 * Nothing can be added to an index whose digest is to stay.
 */
async function lostEntries(
  { destination, signal }: ImageRun,
  source: IndexManifest,
  existing: Manifest | undefined,
): Promise<LostEntry[]> {
  if (!existing) return [];
  const names = new Set<string>(source.entries.map((e) => e.digest));
  const platforms = new Set(
    source.entries.flatMap(({ platform }) =>
      platform ? [platformKey(platform)] : []
    ),
  );
  const reader = destinationReader(destination, signal);
  const held = existing.kind === "index"
    ? existing.entries.filter((e) => attestationSubject(e) === undefined)
    : names.has(existing.content.digest)
    ? []
    : [{
      digest: existing.content.digest,
      platform: await platformOfImage(reader, existing),
    }];
  return held.flatMap(({ digest, platform }) =>
    platform && platform.os !== "unknown" && !names.has(digest) &&
      !platforms.has(platformKey(platform))
      ? [{ digest, platform: formatPlatform(platform) }]
      : []
  );
}
