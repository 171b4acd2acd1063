/**
 * Which parts of an image are wanted.
 *
 * @module
 */

import type { Digest } from "../../oci/digest.ts";
import {
  attestationSubject,
  depthInside,
  type Descriptor,
  isImageManifestType,
} from "../../oci/manifest.ts";
import {
  filterNeedsVariant,
  matchesFilter,
  type Platform,
  type PlatformFilter,
  selectsEverything,
} from "../../oci/platform.ts";
import { allOf } from "../../together.ts";

/** What the user chose. */
export interface Selection {
  readonly filter: PlatformFilter;
  /** Whether BuildKit attestations come along with their subject. */
  readonly provenance: boolean;
}

/** What is behind an index entry that does not say enough itself. */
export type EntryContent =
  | {
    readonly kind: "index";
    readonly digest: Digest;
    readonly entries: readonly Descriptor[];
  }
  /** The platform in its config; `undefined` for an artifact. */
  | { readonly kind: "image"; readonly platform?: Platform };

/** Looks behind an index entry. */
export type InspectEntry = (entry: Descriptor) => Promise<EntryContent>;

/**
 * The entries of an index that are wanted, in its order. An entry is looked
 * into only where its own fields cannot decide.
 */
export async function selectEntries(
  entries: readonly Descriptor[],
  selection: Selection,
  inspect: InspectEntry,
): Promise<Descriptor[]> {
  const { filter, provenance } = selection;
  if (selectsEverything(filter)) {
    return entries.filter((entry) =>
      provenance || attestationSubject(entry) === undefined
    );
  }
  const wanted = await allOf(
    entries.map(async (entry) =>
      attestationSubject(entry) === undefined &&
      await isWanted(entry, filter, inspect, 1)
    ),
  );
  const digests = new Set<string>(
    entries.filter((_, i) => wanted[i]).map((entry) => entry.digest),
  );
  return entries.filter((entry, i) => {
    const subject = attestationSubject(entry);
    return subject === undefined
      ? wanted[i]
      : provenance && digests.has(subject);
  });
}

async function isWanted(
  entry: Descriptor,
  filter: PlatformFilter,
  inspect: InspectEntry,
  depth: number,
): Promise<boolean> {
  if (isImageManifestType(entry.mediaType) && entry.platform) {
    const platform = await completePlatform(
      entry,
      entry.platform,
      filter,
      inspect,
    );
    return matchesFilter(filter, platform);
  }
  const content = await inspect(entry);
  if (content.kind === "image") {
    return content.platform === undefined ||
      matchesFilter(filter, content.platform);
  }
  const inner = depthInside(depth, content.digest);
  // A nested index is taken whole when anything inside it is wanted.
  const inside = await allOf(
    content.entries.map((child) =>
      attestationSubject(child) === undefined &&
      isWanted(child, filter, inspect, inner)
    ),
  );
  return inside.includes(true);
}

/** linux/arm may leave its variant to the config. */
async function completePlatform(
  entry: Descriptor,
  platform: Platform,
  filter: PlatformFilter,
  inspect: InspectEntry,
): Promise<Platform> {
  if (
    platform.architecture !== "arm" || platform.variant !== undefined ||
    !filterNeedsVariant(filter, platform)
  ) {
    return platform;
  }
  const content = await inspect(entry);
  return content.kind === "image" && content.platform?.variant
    ? { ...platform, variant: content.platform.variant }
    : platform;
}
