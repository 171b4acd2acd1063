/**
 * Manifests: media types, descriptors and what a manifest refers to
 * (image-spec manifest.md, image-index.md, descriptor.md; Docker image
 * manifest v2 schema 2).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestOf } from "./digest.ts";
import type { JsonObject } from "./json.ts";
import { type Descriptor, parseDescriptor } from "./descriptor.ts";
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

/** The largest size of a manifest, in bytes (distribution-spec: 4 MiB). */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** How deep manifests may be nested below an index: real ones go to two. */
export const MAX_INDEX_DEPTH = 8;

/** Annotation that names the subject of a BuildKit attestation entry. */
const ATTESTATION_SUBJECT = "vnd.docker.reference.digest";
const ATTESTATION_TYPE = "vnd.docker.reference.type";

/** A manifest's bytes as a store holds them. */
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
 * The depth of the manifests that a manifest names.
 *
 * @param depth that of the manifest; 0 for an image's own index
 * @throws {HangarError} `invalid-manifest` beyond {@linkcode MAX_INDEX_DEPTH}
 */
export function depthInside(depth: number, digest: Digest): number {
  if (depth < MAX_INDEX_DEPTH) return depth + 1;
  throw new HangarError(
    "invalid-manifest",
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
 * Content that is made here, with the digest of its bytes.
 *
 * @param mediaType its own, or the Content-Type it came with; "" where only the
 * bytes can tell
 */
export function contentOf(bytes: Uint8Array, mediaType = ""): ManifestContent {
  return { mediaType, digest: digestOf(bytes), bytes };
}

/**
 * A manifest that is made here, as content: the type is the one it names.
 */
export function encodeManifest(json: JsonObject): ManifestContent {
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return contentOf(bytes, String(json["mediaType"]));
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
