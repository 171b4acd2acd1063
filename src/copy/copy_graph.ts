/**
 * A manifest and all that it needs, children before parents.
 *
 * @module
 */

import { distinct } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor, ImageManifest, Manifest } from "../oci/manifest.ts";
import type { ManifestRole } from "../oci/store.ts";
import { together } from "../together.ts";
import { copyBlob } from "./blobs/copy_blob.ts";
import type { DestinationSide } from "./destination_side.ts";
import { bringManifest } from "./put_manifest.ts";
import { readManifest } from "./read_manifest.ts";
import type { SourceSide } from "./sides.ts";
import { walkEntries } from "./walk_entries.ts";

/** Options of {@linkcode copyGraph} and {@linkcode copyContent}. */
export interface CopyGraphOptions {
  readonly signal: AbortSignal;
  /** How deep below the image's own index this is. @default {0} */
  readonly depth?: number;
  /**
   * Manifests that the destination repository is known to hold, with the media
   * type that its tag gives them. They are not looked at.
   *
   * @default {none}
   */
  readonly present?: ReadonlyMap<Digest, string>;
  /** The role of the manifest at the destination. @default {"child"} */
  readonly role?: ManifestRole;
}

/**
 * Copies a manifest by digest, with everything below it.
 *
 * @returns whether its manifest had to be pushed
 */
export async function copyGraph(
  source: SourceSide,
  destination: DestinationSide,
  descriptor: Descriptor,
  options: CopyGraphOptions,
): Promise<boolean> {
  return await once(destination, descriptor, options, async () => {
    const { signal, role = "child" } = options;
    const manifest = await readManifest(source, descriptor, { signal });
    await copyContent(source, destination, manifest, options);
    const { digest } = descriptor;
    const put = { role, signal, source };
    return await bringManifest(destination, manifest, digest, put);
  });
}

/** Copies all that a manifest refers to, but not the manifest itself. */
export async function copyContent(
  source: SourceSide,
  destination: DestinationSide,
  manifest: Manifest,
  options: CopyGraphOptions,
): Promise<void> {
  const { signal } = options;
  if (manifest.kind === "image") {
    return await copyBlobs(source, destination, manifest, signal);
  }
  await walkEntries<boolean>(
    manifest,
    (entry, { signal, inside }) =>
      once(destination, entry, { ...options, signal }, async () => {
        const child = await readManifest(source, entry, { signal });
        if (child.kind === "index") await inside(child);
        else await copyBlobs(source, destination, child, signal);
        const put = { role: "child", signal, source } as const;
        return await bringManifest(destination, child, entry.digest, put);
      }),
    options,
  );
}

/** Brings a manifest by digest, at most once per run and repository. */
async function once(
  { store, repository, services, recheck }: DestinationSide,
  { digest, mediaType }: Descriptor,
  { signal, present }: CopyGraphOptions,
  bring: () => Promise<boolean>,
): Promise<boolean> {
  if (!recheck && present?.get(digest) === mediaType) return false;
  const pushed = await services.manifests.deliver(
    store.id,
    repository,
    `${digest} ${mediaType}`,
    { signal },
    bring,
  );
  return pushed ?? false;
}

/** Copies the blobs of an image, but not its manifest. */
export async function copyBlobs(
  source: SourceSide,
  destination: DestinationSide,
  image: ImageManifest,
  signal: AbortSignal,
): Promise<void> {
  await together(
    blobsOf(image, source).map((blob) => (signal) =>
      copyBlob(source, destination, blob, { signal })
    ),
    signal,
  );
}

/**
 * The blobs that an image needs, each once; without its foreign layers, unless
 * those are wanted too.
 */
export function blobsOf(
  { config, layers }: ImageManifest,
  { withForeignLayers = false }: Pick<SourceSide, "withForeignLayers"> = {},
): Descriptor[] {
  return distinct([
    config,
    ...layers.filter((l) => withForeignLayers || !l.urls?.length),
  ]);
}
