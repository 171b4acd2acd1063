/**
 * Small content of a layer: embedded in its descriptor, or a blob of its own.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../base64.ts";
import { atDestination, type Place } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import { digestOf, verifyBytes } from "../oci/digest.ts";
import { type Descriptor, parseDescriptor } from "../oci/manifest.ts";
import type { BlobReader, StoreIdentity } from "../oci/store.ts";

/** The largest content that is embedded, in bytes. */
const MAX_EMBEDDED_BYTES = 64 * 1024;

/** More of the descriptor of a layer. */
export interface LayerOptions {
  /** @default {none} */
  readonly annotations?: Readonly<Record<string, string>>;
  /**
   * Whether small content is embedded too (image-spec, descriptor.md, `data`), so
   * that who reads the manifest need not ask for it.
   *
   * @default {false}
   */
  readonly embed?: boolean;
}

/** The descriptor of content. */
export function describeLayer(
  mediaType: string,
  bytes: Uint8Array,
  { annotations, embed }: LayerOptions = {},
): Descriptor {
  return parseDescriptor({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.byteLength,
    ...(annotations && { annotations }),
    ...(embed && bytes.byteLength <= MAX_EMBEDDED_BYTES &&
      { data: encodeBase64(bytes) }),
  }, "layer");
}

/** How the content of a layer is read. */
export interface ReadLayerOptions {
  /** In bytes. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** Whether it is read from its blob in any case. @default {false} */
  readonly deep?: boolean;
}

/** The content of a layer, checked. */
export async function layerBytes(
  place: Place<StoreIdentity & Pick<BlobReader, "readBlob">>,
  layer: Descriptor,
  { limit, signal, deep }: ReadLayerOptions,
): Promise<Uint8Array> {
  const embedded = deep ? undefined : embeddedIn(layer);
  if (embedded) return embedded;
  const { store, repository } = place;
  return await atDestination(
    place,
    `read blob ${layer.digest} from`,
    store.readBlob(repository, layer, limit, { signal }),
  );
}

/** Undefined where nothing is embedded, or something else. */
export function embeddedIn(layer: Descriptor): Uint8Array | undefined {
  const { data } = layer.json;
  if (typeof data !== "string") return undefined;
  try {
    const bytes = decodeBase64(data);
    verifyBytes(bytes, layer);
    return bytes;
  } catch {
    return undefined;
  }
}

const UNUSABLE = new Set<string>([
  "invalid-signature",
  "invalid-manifest",
  "too-large",
  "content-mismatch",
  "not-found",
]);

/** Whether content is not what it should be, which is no fault of the registry. */
export function isUnusable(error: unknown): boolean {
  return error instanceof HangarError && UNUSABLE.has(error.code);
}
