/**
 * Adding to what one of cosign's tags holds.
 *
 * @module
 */

import { appendLayers, type AttachmentImage } from "../../oci/attachment.ts";
import {
  type Descriptor,
  type ImageManifest,
  parseConfig,
} from "../../oci/manifest.ts";
import { parseContent } from "../../oci/parse_manifest.ts";
import { together } from "../../together.ts";
import { pushBytes } from "../blobs/copy_blob.ts";
import type { DestinationSide } from "../destination_side.ts";
import { putManifest } from "../put_manifest.ts";
import { atDestination } from "../sides.ts";

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
  destination: DestinationSide,
  tag: string,
  held: ImageManifest | undefined,
  { layers, bring, signal }: AddedLayers,
): Promise<void> {
  const image = held && await withConfig(destination, held, signal);
  const made = appendLayers(image, layers);
  await together(layers.map((layer) => () => bring(layer)), signal);
  const manifest = parseContent(made.content);
  if (manifest.kind !== "image") throw new Error("an image was made");
  await pushBytes(destination, manifest.config, made.config.bytes, { signal });
  await putManifest(destination, manifest, tag, { role: "referrer", signal });
}

async function withConfig(
  destination: DestinationSide,
  manifest: ImageManifest,
  signal: AbortSignal,
): Promise<AttachmentImage> {
  const { store, repository } = destination;
  const { config } = manifest;
  const bytes = await atDestination(
    destination,
    `read config ${config.digest} from`,
    store.readBlob(repository, config, MAX_CONFIG_BYTES, { signal }),
  );
  return {
    manifest,
    config: parseConfig(bytes, config.digest),
  };
}
