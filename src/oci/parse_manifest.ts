/**
 * From bytes to manifests: everything that a manifest says is checked here
 * (image-spec manifest.md and image-index.md; Docker image manifest v2
 * schema 2).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import {
  type Descriptor,
  optionalString,
  parseDescriptor,
} from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import {
  isJsonObject,
  type JsonObject,
  MANIFEST_KEYS,
  parseJsonObject,
} from "./json.ts";
import {
  ACCEPTED_MANIFESTS,
  bareMediaType,
  isImageManifestType,
  isIndexType,
  type Manifest,
  type ManifestContent,
  MAX_MANIFEST_BYTES,
  MediaType,
} from "./manifest.ts";

/** All types that a manifest may claim to be of. */
const MANIFEST_TYPES: readonly string[] = [
  ...ACCEPTED_MANIFESTS,
  MediaType.dockerSchema1,
  MediaType.dockerSchema1Signed,
];

function refuse(what: string): never {
  throw new HangarError("invalid-manifest", what);
}

function descriptorList(value: unknown, what: string): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return refuse(`${what} is not a list`);
  return value.map((item, i) => parseDescriptor(item, `${what}[${i}]`));
}

/**
 * Parses a manifest. Its media type is the one it names itself, else the
 * Content-Type it came with, else the one that fits its fields (some registries
 * send `application/json` or no type).
 *
 * @throws {HangarError} `unsupported-manifest` for Docker schema 1,
 * `invalid-manifest`, `too-large`
 */
export function parseContent(
  { bytes, mediaType: cameAs, digest }: ManifestContent,
): Manifest {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    throw new HangarError(
      "too-large",
      `manifest ${digest} has ${bytes.byteLength} bytes, the limit is ${MAX_MANIFEST_BYTES}`,
    );
  }
  const json = parseJsonObject(bytes, `manifest ${digest}`, MANIFEST_KEYS);
  const mediaType = mediaTypeOf(json, cameAs, digest);
  if (
    json["schemaVersion"] === 1 || mediaType === MediaType.dockerSchema1 ||
    mediaType === MediaType.dockerSchema1Signed
  ) {
    throw new HangarError(
      "unsupported-manifest",
      `manifest ${digest} is Docker schema 1, which registries have dropped`,
      { hint: "rebuild the image, or pull and push it once with docker" },
    );
  }
  if (json["schemaVersion"] !== 2) {
    return refuse(`manifest ${digest} has no schemaVersion 2`);
  }
  const content = { mediaType, digest, bytes };
  // The next reader could take a manifest of two kinds for the other kind
  // (CVE-2021-41190), so the fields of other kinds are refused.
  if (json["fsLayers"] !== undefined || json["history"] !== undefined) {
    return refuse(`manifest ${digest} has fields of Docker schema 1`);
  }
  if (isIndexType(mediaType)) {
    if (json["config"] !== undefined || json["layers"] !== undefined) {
      return refuse(`index ${digest} has fields of an image manifest`);
    }
    const entries = descriptorList(json["manifests"], "manifests");
    refuseTwoLabels(entries, digest);
    return { kind: "index", content, entries, json };
  }
  if (!isImageManifestType(mediaType)) {
    throw new HangarError(
      "unsupported-manifest",
      `manifest ${digest} has the unknown media type ${quoteType(mediaType)}`,
    );
  }
  if (json["manifests"] !== undefined) {
    return refuse(`manifest ${digest} has fields of an index`);
  }
  return {
    kind: "image",
    content,
    config: parseDescriptor(json["config"], "config"),
    layers: descriptorList(json["layers"], "layers"),
    json,
  };
}

/** The media type of a manifest: its own, or the one it came with. */
function mediaTypeOf(
  json: JsonObject,
  cameAs: string,
  digest: Digest,
): string {
  const announced = bareMediaType(cameAs);
  const isAnnounced = MANIFEST_TYPES.includes(announced);
  const own = optionalString(json, "mediaType");
  if (own !== undefined && isAnnounced && own !== announced) {
    return refuse(
      `manifest ${digest} is ${
        quoteType(own)
      } by its own words, but came as ${announced}`,
    );
  }
  return own ??
    (isAnnounced ? announced : guessMediaType(json, announced));
}

function quoteType(mediaType: string): string {
  return JSON.stringify(mediaType.slice(0, 120));
}

/** When two entries describe the same bytes differently, one must be wrong. */
function refuseTwoLabels(entries: readonly Descriptor[], index: Digest): void {
  const labels = new Map<Digest, Descriptor>();
  for (const entry of entries) {
    const known = labels.get(entry.digest);
    labels.set(entry.digest, entry);
    if (
      known &&
      (known.mediaType !== entry.mediaType || known.size !== entry.size)
    ) {
      refuse(`index ${index} names ${entry.digest} twice, as different things`);
    }
  }
}

/**
 * Parses the bytes that a descriptor names, and checks its size and type.
 *
 * @throws {HangarError} `content-mismatch` for another size, `invalid-manifest`
 * for another type, and what {@linkcode parseContent} throws
 */
export function parseDescribed(
  content: ManifestContent,
  descriptor: Pick<Descriptor, "mediaType" | "size">,
): Manifest {
  const { byteLength } = content.bytes;
  if (byteLength !== descriptor.size) {
    throw new HangarError(
      "content-mismatch",
      `it has ${byteLength} bytes, its index says ${descriptor.size}`,
    );
  }
  const manifest = parseContent(content);
  checkType(manifest, descriptor);
  return manifest;
}

/**
 * Checks the type in a descriptor against the bytes. A descriptor without a
 * type always passes.
 *
 * @throws {HangarError} `invalid-manifest` when they differ
 */
export function checkType(
  { kind, content, json }: Manifest,
  { mediaType }: Pick<Descriptor, "mediaType">,
): void {
  if (mediaType === "" || mediaType === content.mediaType) return;
  // When the bytes do not name their type, the Content-Type proves nothing.
  const isNamed = optionalString(json, "mediaType") !== undefined;
  const isOfKind = kind === "index"
    ? isIndexType(mediaType)
    : isImageManifestType(mediaType);
  if (!isNamed && isOfKind) return;
  refuse(
    `it is ${quoteType(content.mediaType)}, but its index calls it ${
      quoteType(mediaType)
    }`,
  );
}

function guessMediaType(json: JsonObject, announced: string): string {
  if (Array.isArray(json["manifests"])) return MediaType.ociIndex;
  if (isJsonObject(json["config"])) {
    return json["config"]["mediaType"] === MediaType.dockerConfig
      ? MediaType.dockerManifest
      : MediaType.ociManifest;
  }
  return announced;
}
