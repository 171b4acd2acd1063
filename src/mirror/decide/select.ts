/**
 * Which parts of an image are wanted.
 *
 * @module
 */

import { walkEntries } from "../../copy/walk_entries.ts";
import {
  attestationSubject,
  type Descriptor,
  type IndexManifest,
  isImageManifestType,
  type Manifest,
} from "../../oci/manifest.ts";
import {
  filterNeedsVariant,
  matchesFilter,
  type Platform,
  type PlatformFilter,
  selectsEverything,
} from "../../oci/platform.ts";

/** What the user chose. */
export interface Selection {
  readonly filter: PlatformFilter;
  /** Whether BuildKit attestations come along with their subject. */
  readonly provenance: boolean;
}

/** The manifest of an index entry whose own fields do not say enough. */
export interface EntryContent {
  readonly manifest: Manifest;
  /** For an image, the platform in its config; `undefined` for an artifact. */
  readonly platform?: Platform;
}

/** Reads the manifest that an index entry names. */
export type InspectEntry = (entry: Descriptor) => Promise<EntryContent>;

/**
 * The entries of an index that are wanted, in its order. Its manifest is read
 * only when the fields of an entry cannot decide.
 */
export async function selectEntries(
  index: IndexManifest,
  { filter, provenance }: Selection,
  { inspect, signal }: {
    readonly inspect: InspectEntry;
    readonly signal: AbortSignal;
  },
): Promise<Descriptor[]> {
  const { entries } = index;
  if (selectsEverything(filter)) {
    return entries.filter((entry) =>
      provenance || attestationSubject(entry) === undefined
    );
  }
  const wanted = await walkEntries<boolean>(
    index,
    async (entry, { inside }) => {
      if (attestationSubject(entry) !== undefined) return false;
      const { mediaType, platform } = entry;
      if (isImageManifestType(mediaType) && platform) {
        const whole = await completePlatform(entry, platform, filter, inspect);
        return matchesFilter(filter, whole);
      }
      const content = await inspect(entry);
      if (content.manifest.kind === "image") {
        return content.platform === undefined ||
          matchesFilter(filter, content.platform);
      }
      // A nested index is taken whole when anything inside it is wanted.
      return (await inside(content.manifest)).includes(true);
    },
    { signal },
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

/** An entry for linux/arm may name its variant only in the config. */
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
  const { variant } = (await inspect(entry)).platform ?? {};
  return variant ? { ...platform, variant } : platform;
}
