/**
 * The JSON of manifests and configs: objects, and the keys that their readers
 * know (image-spec manifest.md, image-index.md, descriptor.md, config.md).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  AmbiguousJson,
  type KnownKeys,
  parseStrictJson,
} from "../strict_json.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { Digest } from "./digest.ts";

export { isJsonObject, type JsonObject };

const PLATFORM_KEYS: KnownKeys = {
  architecture: {},
  os: {},
  "os.version": {},
  "os.features": {},
  variant: {},
  features: {},
};
const DESCRIPTOR_KEYS: KnownKeys = {
  mediaType: {},
  digest: {},
  size: {},
  urls: {},
  annotations: {},
  data: {},
  artifactType: {},
  platform: PLATFORM_KEYS,
};
/** The keys that readers know in a manifest of any kind, schema 1 included. */
export const MANIFEST_KEYS: KnownKeys = {
  schemaVersion: {},
  mediaType: {},
  artifactType: {},
  config: DESCRIPTOR_KEYS,
  layers: DESCRIPTOR_KEYS,
  manifests: DESCRIPTOR_KEYS,
  subject: DESCRIPTOR_KEYS,
  annotations: {},
  fsLayers: {},
  history: {},
};
/** The keys of an image config that decide where the image can run. */
const CONFIG_KEYS: KnownKeys = {
  ...PLATFORM_KEYS,
  config: {},
  rootfs: { type: {}, diff_ids: {} },
  history: {},
};

function refuse(what: string): never {
  throw new HangarError("invalid-manifest", what);
}

/**
 * Parses bytes as a JSON object that all its readers read alike.
 *
 * @param known the keys that readers know: another key must not differ from one
 * of them only in case
 * @throws {HangarError} `invalid-manifest`
 */
export function parseJsonObject(
  bytes: Uint8Array,
  what: string,
  known?: KnownKeys,
): JsonObject {
  let value: unknown;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    value = parseStrictJson(decoder.decode(bytes), known);
  } catch (cause) {
    const why = cause instanceof AmbiguousJson
      ? `is ambiguous: ${cause.message}`
      : "is not JSON";
    throw new HangarError("invalid-manifest", `${what} ${why}`, { cause });
  }
  return isJsonObject(value) ? value : refuse(`${what} is not a JSON object`);
}

/**
 * Parses an image config.
 *
 * @throws {HangarError} `invalid-manifest`
 */
export function parseConfig(bytes: Uint8Array, digest: Digest): JsonObject {
  return parseJsonObject(bytes, `config ${digest}`, CONFIG_KEYS);
}
