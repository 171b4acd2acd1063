/**
 * Looking into images: which platform a manifest is for.
 *
 * @module
 */

import type { ManifestPlace } from "../../copy/held_content.ts";
import { readManifest } from "../../copy/read_manifest.ts";
import {
  atDestination,
  atSource,
  type Place,
  type SourceSide,
} from "../../copy/sides.ts";
import { HangarError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  attestationSubject,
  describeManifest,
  type Descriptor,
  type ImageManifest,
  isImageConfigType,
  isIndexType,
  type Manifest,
  parseConfig,
  platformFromJson,
} from "../../oci/manifest.ts";
import { parseDescribed } from "../../oci/parse_manifest.ts";
import { type Platform, platformKey } from "../../oci/platform.ts";
import type { BlobReader } from "../../oci/store.ts";
import { allOf } from "../../together.ts";
import type { MergeEntry } from "./merge_index.ts";
import type { EntryContent } from "./select.ts";

/** Configs are a few KB; one with a long history stays far below this. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** A repository to look into, on either side. */
export interface ImageReader {
  /** The config of an image, whole and checked. */
  readonly readConfig: (config: Descriptor) => Promise<Uint8Array>;
  readonly readManifest: (entry: Descriptor) => Promise<Manifest>;
  /** Whether a manifest is there. @default {all that an index names are} */
  readonly holds?: (digest: Digest) => Promise<boolean>;
}

/** Looks into a source; nothing is read there twice. */
export function sourceReader(
  source: SourceSide,
  signal: AbortSignal,
): ImageReader {
  const { store, repository, blobs } = source;
  const { partial } = store;
  return {
    holds: partial && ((digest) =>
      atSource(
        source,
        `manifest ${digest}`,
        partial.holds(repository, digest, { signal }),
      )),
    readConfig: (config) =>
      remembered(blobs, config, () =>
        atSource(
          source,
          `config ${config.digest}`,
          store.readBlob(repository, config, MAX_CONFIG_BYTES, { signal }),
        )),
    readManifest: (entry) =>
      readManifest(source, entry, { signal, keep: true }),
  };
}

/** A repository of the destination that is looked into. */
export type ReadPlace =
  & ManifestPlace
  & Place<ManifestPlace["store"] & Pick<BlobReader, "readBlob">>;

/** Looks into the destination. */
export function destinationReader(
  place: ReadPlace,
  signal: AbortSignal,
): ImageReader {
  const { store, repository } = place;
  const blobs = new Map<Digest, Uint8Array>();
  return {
    readConfig: (config) =>
      remembered(blobs, config, () =>
        atDestination(
          place,
          `read config ${config.digest} from`,
          store.readBlob(repository, config, MAX_CONFIG_BYTES, { signal }),
        )),
    readManifest: (entry) =>
      atDestination(
        place,
        `read manifest ${entry.digest} from`,
        (async () => {
          const content = await store.getManifest(repository, entry.digest, {
            signal,
          });
          if (content) return parseDescribed(content, entry);
          throw new HangarError(
            "not-found",
            "its tag names it, but it is gone",
            { hint: "repair the tag with --overwrite" },
          );
        })(),
      ),
  };
}

async function remembered(
  known: Map<Digest, Uint8Array>,
  { digest }: Descriptor,
  read: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const bytes = known.get(digest) ?? await read();
  known.set(digest, bytes);
  return bytes;
}

/**
 * The platform in a manifest's config; `undefined` for artifacts, and for
 * configs that name no architecture.
 */
export async function platformOfImage(
  reader: ImageReader,
  manifest: ImageManifest,
): Promise<Platform | undefined> {
  const { config } = manifest;
  if (!isImageConfigType(config.mediaType)) return undefined;
  const bytes = await reader.readConfig(config);
  return platformFromJson(parseConfig(bytes, config.digest));
}

/** Reads the manifest that an index entry names. */
export async function inspectEntry(
  reader: ImageReader,
  entry: Descriptor,
): Promise<EntryContent> {
  const manifest = await reader.readManifest(entry);
  return manifest.kind === "index"
    ? { manifest }
    : { manifest, platform: await platformOfImage(reader, manifest) };
}

/**
 * The entries of a manifest with the platforms they count as. A single
 * manifest counts as an index of itself, when it has a platform.
 *
 * @param rivals entries of the other side: only where one has the same OS and
 * architecture does a missing variant or OS version matter and is looked up
 */
export async function mergeEntries(
  reader: ImageReader,
  manifest: Manifest,
  rivals: readonly Descriptor[],
): Promise<MergeEntry[]> {
  if (manifest.kind === "image") {
    const platform = await platformOfImage(reader, manifest);
    return [{
      descriptor: describeManifest(manifest.content, platform),
      key: platform && platformKey(platform),
      platform,
    }];
  }
  const others = new Set(rivals.map((r) => coarse(r.platform)));
  const known = new Set<string>(rivals.map((r) => r.digest));
  return await allOf(manifest.entries.map(async (descriptor) => {
    if (
      attestationSubject(descriptor) !== undefined ||
      isIndexType(descriptor.mediaType)
    ) {
      return { descriptor };
    }
    const { platform } = descriptor;
    if (platform?.os === "unknown") return { descriptor };
    const decisive = rivals.length > 0 && !known.has(descriptor.digest) &&
      (platform === undefined ||
        isVague(platform) && others.has(coarse(platform)));
    if (!decisive || await reader.holds?.(descriptor.digest) === false) {
      return { descriptor, key: platform && platformKey(platform), platform };
    }
    const { platform: found } = await inspectEntry(reader, descriptor);
    const complete = platform
      ? {
        ...platform,
        variant: platform.variant ?? found?.variant,
        osVersion: platform.osVersion ?? found?.osVersion,
      }
      : found;
    return {
      descriptor,
      key: complete && platformKey(complete),
      platform: complete,
    };
  }));
}

function isVague(platform: Platform): boolean {
  return platform.os === "linux"
    ? platform.architecture === "arm" && platform.variant === undefined
    : platform.os === "windows" && platform.osVersion === undefined;
}

function coarse(platform: Platform | undefined): string {
  return platform ? `${platform.os}/${platform.architecture}` : "";
}
