/**
 * An index over images that are in one repository already.
 *
 * @module
 */

import { HangarError, withContext } from "../../errors.ts";
import { formatReference, type Reference } from "../../names/reference.ts";
import {
  attestationSubject,
  contentOf,
  describeManifest,
  type Descriptor,
  isImageConfigType,
  type ManifestContent,
  MediaType,
  parseConfig,
  platformFromJson,
} from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import { platformKey } from "../../oci/platform.ts";
import type { SourceStore } from "../../oci/store.ts";
import { allOf } from "../../together.ts";

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** What is read of the images. */
export type MergeStore = Pick<SourceStore, "getManifest" | "readBlob">;

/**
 * Makes the index of images: the entries of an index, and an entry for each
 * single image. Of one platform the last one is taken, and attestations come
 * along with the image that they are about.
 *
 * @param images in the repository of the index
 * @throws {HangarError} `not-found`, `unsupported-manifest` for what has no
 * platform, or any fault of the registry
 */
export async function mergeImages(
  store: MergeStore,
  images: readonly Reference[],
  signal: AbortSignal,
): Promise<ManifestContent> {
  const found = await allOf(
    images.map(async (image) => {
      try {
        return await entriesOf(store, image, signal);
      } catch (error) {
        throw withContext(`cannot merge ${formatReference(image)}`, error);
      }
    }),
  );
  const index = {
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: chosen(found.flat()).map(({ json }) => json),
  };
  const bytes = new TextEncoder().encode(JSON.stringify(index, undefined, 2));
  return contentOf(bytes, MediaType.ociIndex);
}

/** The last entry of each platform, in their order, and their attestations. */
function chosen(entries: readonly Descriptor[]): Descriptor[] {
  const byKey = new Map<string, Descriptor>();
  for (const entry of entries) {
    const subject = attestationSubject(entry);
    const key = subject === undefined && entry.platform
      ? platformKey(entry.platform)
      : `${subject} ${entry.digest}`;
    // A later one goes to the end.
    byKey.delete(key);
    byKey.set(key, entry);
  }
  const all = [...byKey.values()];
  const digests = new Set<string>(all.map(({ digest }) => digest));
  return all.filter((entry) => {
    const subject = attestationSubject(entry);
    return subject === undefined || digests.has(subject);
  });
}

async function entriesOf(
  store: MergeStore,
  { repository, digest, tag = "latest" }: Reference,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const content = await store.getManifest(repository, digest ?? tag, {
    signal,
  });
  if (!content) {
    throw new HangarError("not-found", "it is not there", { status: 404 });
  }
  const manifest = parseContent(content);
  if (manifest.kind === "index") return manifest.entries;
  const { config } = manifest;
  const platform = isImageConfigType(config.mediaType)
    ? platformFromJson(
      parseConfig(
        await store.readBlob(repository, config, MAX_CONFIG_BYTES, { signal }),
        config.digest,
      ),
    )
    : undefined;
  if (platform) return [describeManifest(manifest.content, platform)];
  throw new HangarError(
    "unsupported-manifest",
    "it has no platform, so it cannot be an entry beside others",
  );
}
