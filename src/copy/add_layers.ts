/**
 * Adding to what one of cosign's tags holds.
 *
 * @module
 */

import { appendLayers, type AttachmentImage } from "../oci/attachment.ts";
import {
  type Descriptor,
  type ImageManifest,
  parseConfig,
  parseManifest,
} from "../oci/manifest.ts";
import { together } from "../together.ts";
import { copyBlob } from "./copy_blob.ts";
import type { CopyContext } from "./copy_context.ts";
import { putManifest } from "./copy_graph.ts";
import { atDestination } from "./sides.ts";

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** Layers to add to what a tag holds. */
export interface AddedLayers {
  readonly layers: readonly Descriptor[];
  /** Sees to it that a layer's content is at the destination. */
  readonly bring: (layer: Descriptor) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Adds layers to the image under a tag of cosign's; the caller has its lock. */
export async function addLayers(
  context: CopyContext,
  tag: string,
  held: ImageManifest | undefined,
  { layers, bring, signal }: AddedLayers,
): Promise<void> {
  const image = held && await withConfig(context, held, signal);
  const made = appendLayers(image, layers);
  await together(layers.map((layer) => () => bring(layer)), signal);
  const manifest = parseManifest(
    made.content.bytes,
    made.content.mediaType,
    made.content.digest,
  );
  if (manifest.kind !== "image") throw new Error("an image was made");
  context.cache.set(made.config.digest, made.config.bytes);
  await copyBlob(context, manifest.config, { signal });
  await putManifest(context, manifest, tag, signal);
}

async function withConfig(
  context: CopyContext,
  manifest: ImageManifest,
  signal: AbortSignal,
): Promise<AttachmentImage> {
  const { destination, destinationRepository } = context;
  const { config } = manifest;
  const bytes = await atDestination(
    context,
    `read config ${config.digest} from`,
    destination.readBlob(destinationRepository, config, MAX_CONFIG_BYTES, {
      signal,
    }),
  );
  return {
    manifest,
    config: parseConfig(bytes, config.digest),
  };
}
