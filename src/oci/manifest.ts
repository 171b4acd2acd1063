/**
 * Manifests: media types, descriptors and what a manifest refers to
 * (image-spec manifest.md, image-index.md, descriptor.md; Docker image
 * manifest v2 schema 2).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestOf } from "./digest.ts";
import {
  isJsonObject,
  type JsonObject,
  MANIFEST_KEYS,
  parseJsonObject,
} from "./json.ts";
import {
  type Descriptor,
  optionalString,
  parseDescriptor,
} from "./descriptor.ts";
import type { Platform } from "./platform.ts";

export {
  type Descriptor,
  parseDescriptor,
  platformFromJson,
} from "./descriptor.ts";
export {
  isJsonObject,
  type JsonObject,
  parseConfig,
  parseJsonObject,
} from "./json.ts";

/** The media types that hangar knows by name. */
export const MediaType = {
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociEmpty: "application/vnd.oci.empty.v1+json",
  dockerList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerSchema1: "application/vnd.docker.distribution.manifest.v1+json",
  dockerSchema1Signed:
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
} as const;

/** What hangar offers in `Accept` when it asks for a manifest. */
export const ACCEPTED_MANIFESTS: readonly string[] = [
  MediaType.ociIndex,
  MediaType.ociManifest,
  MediaType.dockerList,
  MediaType.dockerManifest,
];

/** All types that a manifest may claim to be of. */
const MANIFEST_TYPES: readonly string[] = [
  ...ACCEPTED_MANIFESTS,
  MediaType.dockerSchema1,
  MediaType.dockerSchema1Signed,
];

/** The most that a manifest may weigh (distribution-spec: 4 MiB). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** How deep manifests may be nested below an index: real ones go to two. */
export const MAX_INDEX_DEPTH = 8;

/** Annotation that names the subject of a BuildKit attestation entry. */
const ATTESTATION_SUBJECT = "vnd.docker.reference.digest";
const ATTESTATION_TYPE = "vnd.docker.reference.type";

/** A manifest's bytes as a registry holds them. */
export interface ManifestContent {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** An OCI index or a Docker manifest list. */
export interface IndexManifest {
  readonly kind: "index";
  readonly content: ManifestContent;
  readonly entries: readonly Descriptor[];
  /** The whole object, unknown fields included. */
  readonly json: JsonObject;
}

/** An image or artifact manifest. */
export interface ImageManifest {
  readonly kind: "image";
  readonly content: ManifestContent;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly json: JsonObject;
}

/** A manifest of either kind. */
export type Manifest = IndexManifest | ImageManifest;

function refuse(what: string): never {
  throw new HangarError("invalid-manifest", what);
}

function descriptorList(value: unknown, what: string): Descriptor[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return refuse(`${what} is not a list`);
  return value.map((item, i) => parseDescriptor(item, `${what}[${i}]`));
}

/** Whether a media type is that of an index or manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === MediaType.ociIndex || mediaType === MediaType.dockerList;
}

/** Whether a media type is that of an image or artifact manifest. */
export function isImageManifestType(mediaType: string): boolean {
  return mediaType === MediaType.ociManifest ||
    mediaType === MediaType.dockerManifest;
}

/**
 * The depth of what is inside a manifest.
 *
 * @param depth that of the manifest; an image's own index has none
 * @throws {HangarError} `invalid-manifest` beyond {@linkcode MAX_INDEX_DEPTH}
 */
export function depthInside(depth: number, digest: Digest): number {
  return depth < MAX_INDEX_DEPTH ? depth + 1 : refuse(
    `index ${digest} leads to manifests that are nested more than ${MAX_INDEX_DEPTH} deep`,
  );
}

/** Whether a media type is one of OCI's. */
export function isOciType(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.oci.");
}

/** Whether a media type is that of an image config, which names a platform. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === MediaType.ociConfig ||
    mediaType === MediaType.dockerConfig;
}

/** The part of a Content-Type before its parameters. */
export function bareMediaType(contentType: string | null): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

/**
 * Wraps manifest bytes: works out the digest, and the media type from what the
 * manifest itself says, else from the Content-Type it came with, else from its
 * shape (registries are known to send `application/json` or nothing).
 *
 * @throws {HangarError} `unsupported-manifest` for Docker schema 1,
 * `invalid-manifest`, `too-large`
 */
export function parseManifest(
  bytes: Uint8Array,
  contentType: string | null = null,
  digest: Digest = digestOf(bytes),
): Manifest {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    throw new HangarError(
      "too-large",
      `manifest ${digest} has ${bytes.byteLength} bytes, the limit is ${MAX_MANIFEST_BYTES}`,
    );
  }
  const json = parseJsonObject(bytes, `manifest ${digest}`, MANIFEST_KEYS);
  const announced = bareMediaType(contentType);
  const isAnnounced = MANIFEST_TYPES.includes(announced);
  const own = optionalString(json, "mediaType");
  if (own !== undefined && isAnnounced && own !== announced) {
    return refuse(
      `manifest ${digest} is ${
        quoteType(own)
      } by its own words, but came as ${announced}`,
    );
  }
  const mediaType = own ??
    (isAnnounced ? announced : guessMediaType(json, announced));
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
  // A manifest that is of two kinds could be read differently by its next
  // reader (CVE-2021-41190), so the other kinds' fields are refused.
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

function quoteType(mediaType: string): string {
  return JSON.stringify(mediaType.slice(0, 120));
}

/** One of two labels for the same bytes must be wrong. */
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
 * Parses the bytes that a descriptor names, and holds its words against them.
 *
 * @throws {HangarError} `content-mismatch` for another size, `invalid-manifest`
 * for another type, and what {@linkcode parseManifest} throws
 */
export function parseDescribed(
  content: ManifestContent,
  descriptor: Pick<Descriptor, "mediaType" | "size">,
): Manifest {
  const { bytes, mediaType, digest } = content;
  if (bytes.byteLength !== descriptor.size) {
    throw new HangarError(
      "content-mismatch",
      `it has ${bytes.byteLength} bytes, its index says ${descriptor.size}`,
    );
  }
  const manifest = parseManifest(bytes, mediaType, digest);
  checkType(manifest, descriptor);
  return manifest;
}

/**
 * Holds the type in a descriptor against what the bytes are. A descriptor
 * without a type claims nothing.
 *
 * @throws {HangarError} `invalid-manifest` when they differ
 */
export function checkType(
  { kind, content, json }: Manifest,
  { mediaType }: Pick<Descriptor, "mediaType">,
): void {
  if (mediaType === "" || mediaType === content.mediaType) return;
  // Where the bytes do not name their type, what they came as is hearsay too.
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

/**
 * What must be at a destination before this manifest can be: the entries of an
 * index, the config and layers of an image. Subjects are not among them.
 */
export function successors(manifest: Manifest): readonly Descriptor[] {
  return manifest.kind === "index"
    ? manifest.entries
    : [manifest.config, ...manifest.layers];
}

/** Describes a manifest as an index entry would. */
export function describeManifest(
  content: ManifestContent,
  platform?: Platform,
): Descriptor {
  const json: Record<string, unknown> = {
    mediaType: content.mediaType,
    digest: content.digest,
    size: content.bytes.byteLength,
  };
  if (platform) json["platform"] = platformToJson(platform);
  return parseDescriptor(json, "descriptor");
}

function platformToJson(platform: Platform): JsonObject {
  const json: Record<string, unknown> = {
    architecture: platform.architecture,
    os: platform.os,
  };
  if (platform.osVersion) json["os.version"] = platform.osVersion;
  if (platform.osFeatures?.length) json["os.features"] = platform.osFeatures;
  if (platform.variant) json["variant"] = platform.variant;
  return json;
}

/**
 * The digest that a BuildKit attestation entry belongs to; `undefined` for any
 * other entry (docs.docker.com, "Image attestation storage").
 */
export function attestationSubject(entry: Descriptor): string | undefined {
  return entry.annotations?.[ATTESTATION_TYPE] === "attestation-manifest"
    ? entry.annotations[ATTESTATION_SUBJECT] ?? ""
    : undefined;
}
