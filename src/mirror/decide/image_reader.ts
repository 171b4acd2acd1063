/**
 * Looking into images: what platform is behind a manifest.
 *
 * @module
 */

import type { CopyContext } from "../../copy/copy_context.ts";
import { readManifest } from "../../copy/copy_graph.ts";
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
  parseDescribed,
  platformFromJson,
} from "../../oci/manifest.ts";
import { type Platform, platformKey } from "../../oci/platform.ts";
import type { BlobReader, ManifestReader } from "../../oci/store.ts";
import { allOf } from "../../together.ts";
import type { MergeEntry } from "./merge_index.ts";
import type { EntryContent } from "./select.ts";

/** Configs are a few KB; one with a long history stays far below this. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** A repository to look into, on either side. */
export interface ImageReader {
  readonly repository: string;
  readonly store: ManifestReader & Pick<BlobReader, "readBlob">;
  readonly cache: Map<Digest, Uint8Array>;
  readonly readManifest: (entry: Descriptor) => Promise<Manifest>;
  /** Puts side and repository before an error. */
  readonly blame: <T>(what: string, operation: Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

/** Reads manifests of the source by way of the copy's own cache. */
export function sourceReader(
  context: CopyContext,
  blame: ImageReader["blame"],
  signal: AbortSignal,
): ImageReader {
  return {
    repository: context.sourceRepository,
    store: context.source,
    cache: context.cache,
    readManifest: async (entry) => {
      const manifest = await readManifest(context, entry, signal);
      context.manifestCache.set(entry.digest, manifest);
      return manifest;
    },
    blame,
    signal,
  };
}

/** Reads manifests of the destination. */
export function destinationReader(
  context: CopyContext,
  blame: ImageReader["blame"],
  signal: AbortSignal,
): ImageReader {
  const { destination, destinationRepository } = context;
  return {
    repository: destinationRepository,
    store: destination,
    cache: new Map(),
    readManifest: (entry) =>
      blame(
        `manifest ${entry.digest}`,
        (async () => {
          const content = await destination.getManifest(
            destinationRepository,
            entry.digest,
            { signal },
          );
          if (content) return parseDescribed(content, entry);
          throw new HangarError(
            "not-found",
            "its tag names it, but it is gone",
            {
              hint: "repair the tag with --overwrite",
            },
          );
        })(),
      ),
    blame,
    signal,
  };
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
  let bytes = reader.cache.get(config.digest);
  if (!bytes) {
    bytes = await reader.blame(
      `config ${config.digest}`,
      reader.store.readBlob(reader.repository, config, MAX_CONFIG_BYTES, {
        signal: reader.signal,
      }),
    );
    reader.cache.set(config.digest, bytes);
  }
  return platformFromJson(parseConfig(bytes, config.digest));
}

/** Looks behind an index entry. */
export async function inspectEntry(
  reader: ImageReader,
  entry: Descriptor,
): Promise<EntryContent> {
  const manifest = await reader.readManifest(entry);
  return manifest.kind === "index"
    ? {
      kind: "index",
      digest: manifest.content.digest,
      entries: manifest.entries,
    }
    : { kind: "image", platform: await platformOfImage(reader, manifest) };
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
    if (!decisive) {
      return { descriptor, key: platform && platformKey(platform), platform };
    }
    const content = await inspectEntry(reader, descriptor);
    const found = content.kind === "image" ? content.platform : undefined;
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
