/**
 * The messages about a decision: what was selected, why an index was rebuilt,
 * and what was kept from the destination.
 *
 * @module
 */

import { counted } from "../../counted.ts";
import {
  attestationSubject,
  type Descriptor,
  type Manifest,
} from "../../oci/manifest.ts";
import {
  formatFilter,
  formatPlatform,
  matchesFilter,
  type Platform,
  type PlatformFilter,
} from "../../oci/platform.ts";
import type {
  ImageMerge,
  NothingSelected,
  PlatformDigest,
  SparseIndex,
} from "../events.ts";
import type { SkippedImage } from "./decision.ts";
import type { Merged, MergeEntry, MergeSource } from "./merge_index.ts";

/** The message about an image of which nothing was selected. */
export const NOTHING_SELECTED = "no available image for specified arch and os";

/** The same in full: what was wanted, and what there is. */
export function nothingText({ wanted, available }: NothingSelected): string {
  return `${NOTHING_SELECTED}: wanted ${wanted}; there is ${
    available.join(", ") || "nothing"
  }`;
}

/** Why an image is left out. */
export function skippedText({ nothing, mediaType }: SkippedImage): string {
  return nothing
    ? nothingText(nothing)
    : `left out: its type is ${mediaType}, which mediaTypes does not name`;
}

/** Why nothing was selected. */
export function nothingSelected(
  filter: PlatformFilter,
  sources: readonly MergeSource[],
): NothingSelected {
  const names = sources.flatMap(({ entries, lacking }) =>
    namesOf(entries.filter((e) => !lacking?.has(e.descriptor.digest)))
  );
  return { wanted: formatFilter(filter), available: [...new Set(names)] };
}

/**
 * Says which of several sources of one tag have nothing for it.
 *
 * @param nameOf the name of a source, by its position
 */
export function tellIdle(
  filter: PlatformFilter,
  sources: readonly MergeSource[],
  nameOf: (source: number) => string,
  events: { readonly warn: (message: string) => void },
): void {
  for (const [i, source] of sources.entries()) {
    if (source.selected.size > 0) continue;
    events.warn(
      `${nameOf(i)}: ${nothingText(nothingSelected(filter, [source]))}`,
    );
  }
}

/** The platforms of entries, without attestations. */
export function namesOf(entries: readonly MergeEntry[]): string[] {
  return entries.filter(isNoAttestation).map(nameOf);
}

/** How a tag's index was made; undefined where it is a source's own. */
export function describeMerge(
  filter: PlatformFilter,
  sources: readonly MergeSource[],
  merged: Merged,
): ImageMerge | undefined {
  if (merged.verbatim !== undefined) return undefined;
  const all = new Map<string, MergeEntry>();
  // One index may name the same content for several platforms.
  const idOf = ({ descriptor: { digest, platform } }: MergeEntry) =>
    `${digest} ${platform && formatPlatform(platform)}`;
  for (const entry of sources.flatMap((source) => source.entries)) {
    if (isNoAttestation(entry)) all.set(idOf(entry), entry);
  }
  return {
    selected: merged.fromSources.flatMap((part) => {
      const entry = all.get(idOf(part));
      return entry ? [nameOf(entry)] : [];
    }),
    available: all.size,
    kept: merged.strangers.filter(isNoAttestation).map((entry) => {
      const platform = platformOf(entry);
      return {
        digest: entry.descriptor.digest,
        platform: platform && formatPlatform(platform),
        // A manifest without a platform is always selected.
        wanted: platform === undefined || matchesFilter(filter, platform),
      };
    }),
  };
}

/** Says what was kept from the destination, and why that may be wrong. */
export function tellKept(
  { kept }: ImageMerge,
  events: {
    readonly warn: (message: string) => void;
    readonly note?: (message: string) => void;
  },
): void {
  for (const { digest, platform, wanted } of kept) {
    const what = `${platform ?? "an entry without platform"}, ${digest}`;
    if (wanted) {
      events.warn(
        `kept from the destination: ${what}, which no source has: it may be of an older build; --overwrite drops it`,
      );
    } else {
      events.note?.(`kept from the destination: ${what}`);
    }
  }
}

/** Says which platforms an artifact takes the place of. */
export function tellReplaced(
  existing: Manifest,
  events: { readonly warn: (message: string) => void },
): void {
  const parts = platformDigests(existing) ?? [];
  if (parts.length === 0) return;
  events.warn(
    `the destination's tag named ${
      parts.map(({ platform, digest }) => platform ?? digest).join(", ")
    }: what has no platform is not merged with them, but takes their place`,
  );
}

/** `index rebuilt: 2 of 4 platforms, sha256:… instead of the source's sha256:…` */
export function rebuiltText(
  { selected, available, kept }: ImageMerge,
  digest: string,
  sourceDigests: readonly string[],
): string {
  const whose = sourceDigests.length > 1 ? "sources'" : "source's";
  return `index rebuilt: ${selected.length} of ${
    counted(available, "platform")
  }${
    kept.length > 0 ? ` and ${kept.length} kept from the destination` : ""
  }, ${digest} instead of the ${whose} ${sourceDigests.join(", ")}`;
}

/** Says what the tag no longer names, and why. */
export function tellLost(
  { lost }: SparseIndex,
  events: { readonly warn: (message: string) => void },
): void {
  for (const { digest, platform } of lost) {
    events.warn(
      `the tag no longer names ${platform}, ${digest}, which no source has: the source's index is kept as it is (--index sparse), so nothing is merged into it`,
    );
  }
}

/** `index kept: 2 of 4 platforms copied, sha256:… is the source's own` */
export function sparseText(
  { selected, available }: SparseIndex,
  digest: string,
): string {
  return `index kept: ${selected.length} of ${
    counted(available, "platform")
  } copied, ${digest} is the source's own`;
}

/**
 * The manifests of an index by platform, attestations left out; undefined for a
 * single manifest.
 */
export function platformDigests(
  manifest: Manifest,
): readonly PlatformDigest[] | undefined {
  if (manifest.kind !== "index") return undefined;
  return manifest.entries.filter((entry) =>
    attestationSubject(entry) === undefined
  ).map(({ platform, digest }) => ({
    platform: platform && formatPlatform(platform),
    digest,
  }));
}

function isNoAttestation({ descriptor }: { descriptor: Descriptor }): boolean {
  return attestationSubject(descriptor) === undefined;
}

function platformOf(entry: MergeEntry): Platform | undefined {
  return entry.platform ?? entry.descriptor.platform;
}

function nameOf(entry: MergeEntry): string {
  const platform = platformOf(entry);
  return platform ? formatPlatform(platform) : "an entry without platform";
}
