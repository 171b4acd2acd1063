/**
 * What is attached to an image without being part of it: cosign's tags
 * (cosign's SIGNATURE_SPEC.md, "Tag-based discovery") and OCI referrers
 * (distribution-spec, "Listing Referrers" and its tag schema).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestAlgorithm, digestOf } from "./digest.ts";
import {
  type Descriptor,
  encodeManifest,
  type ImageManifest,
  type IndexManifest,
  isImageConfigType,
  isJsonObject,
  type JsonObject,
  type Manifest,
  type ManifestContent,
  MediaType,
  parseDescriptor,
} from "./manifest.ts";
import { parseContent } from "./parse_manifest.ts";

/** What cosign puts beside an image: signatures, attestations, an SBOM. */
export const ATTACHMENT_SUFFIXES = ["sig", "att", "sbom"] as const;

/** One of {@linkcode ATTACHMENT_SUFFIXES}. */
export type AttachmentSuffix = typeof ATTACHMENT_SUFFIXES[number];

/** Annotation of a layer that holds a signature over the layer's content. */
export const SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature";

/** The config of an image that only carries layers, without its `rootfs`. */
const BARE_CONFIG = { architecture: "", os: "" };

const ATTACHMENT_TAG = new RegExp(
  `^sha256-[0-9a-f]{64}\\.(?:${ATTACHMENT_SUFFIXES.join("|")})$`,
);
const DIGEST_TAG = /^sha(?:256|512)-[0-9a-f]{64}/;
const FALLBACK_TAG = /^sha(?:256|512)-[0-9a-f]{64}$/;

/**
 * The tag under which cosign keeps the attachments of a digest. Undefined for
 * sha512: the tag would be longer than allowed.
 */
export function attachmentTag(
  digest: Digest,
  suffix: AttachmentSuffix,
): string | undefined {
  return digestAlgorithm(digest) === "sha256"
    ? `${digest.replace(":", "-")}.${suffix}`
    : undefined;
}

// Runtimes unpack layers of these types; the suffix names the compression.
const FILE_SYSTEM_LAYERS = [
  "application/vnd.oci.image.layer.",
  "application/vnd.docker.image.rootfs.",
];

/**
 * Whether an image could be run, going by its media types: one of its layers is
 * a file system, or has no media type. The config does not help, since cosign's
 * signatures have an image config too.
 */
export function isRunnable({ layers }: ImageManifest): boolean {
  return layers.some(({ mediaType }) =>
    mediaType === "" ||
    FILE_SYSTEM_LAYERS.some((type) => mediaType.toLowerCase().startsWith(type))
  );
}

/**
 * Whether an image could be run when its layers have the wrong media types:
 * podman looks only at the config's type, and at no type in a Docker manifest.
 */
export function isImageByConfig({ content, config }: ImageManifest): boolean {
  return config.mediaType === "" || isImageConfigType(config.mediaType) ||
    content.mediaType === MediaType.dockerManifest;
}

/** Whether a tag is one of cosign's. */
export function isAttachmentTag(tag: string): boolean {
  return ATTACHMENT_TAG.test(tag);
}

/** Whether a tag begins with a digest: it belongs to another image. */
export function isOfDigest(tag: string): boolean {
  return DIGEST_TAG.test(tag);
}

/** Whether a tag is that of an index of referrers. */
export function isFallbackTag(tag: string): boolean {
  return FALLBACK_TAG.test(tag);
}

/**
 * The tag of the index of a digest's referrers, where a registry has no API
 * for them (distribution-spec, "Referrers Tag Schema").
 */
export function fallbackTag(digest: Digest): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm}-${hex.slice(0, 64)}`;
}

/**
 * The digest that a manifest says it refers to.
 *
 * @throws {HangarError} `invalid-manifest` when its subject is malformed
 */
export function subjectOf(manifest: Manifest): Digest | undefined {
  const { subject } = manifest.json;
  return subject === undefined || subject === null
    ? undefined
    : parseDescriptor(subject, "subject").digest;
}

/** A referrer as a listing of referrers describes it. */
export function describeReferrer(manifest: Manifest): Descriptor {
  const { mediaType, digest, bytes } = manifest.content;
  const { artifactType, annotations } = manifest.json;
  const type = artifactType ||
    (manifest.kind === "image" ? manifest.config.mediaType : undefined);
  return parseDescriptor({
    mediaType,
    digest,
    size: bytes.byteLength,
    ...(type !== undefined && { artifactType: type }),
    ...(annotations !== undefined && { annotations }),
  }, "referrer");
}

/**
 * Adds a referrer to an index; an index that lists it already stays the same.
 * Equal referrers give an equal index, in whatever order they are added.
 */
export function addReferrer(
  held: IndexManifest | undefined,
  referrer: Descriptor,
): ManifestContent {
  if (held?.entries.some((entry) => entry.digest === referrer.digest)) {
    return held.content;
  }
  return encode({
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    ...held?.json,
    manifests: [...held?.entries ?? [], referrer]
      .sort((a, b) => a.digest < b.digest ? -1 : 1)
      .map((entry) => entry.json),
  });
}

/** An image that holds signatures or the like, with its config. */
export interface AttachmentImage {
  readonly manifest: ImageManifest;
  readonly config: JsonObject;
}

/** The manifest and config of an attachment image that was made here. */
export interface MadeAttachment {
  readonly content: ManifestContent;
  readonly config: { readonly digest: Digest; readonly bytes: Uint8Array };
}

// Two keys may have signed one payload: one blob, two signatures.
function layerKey({ digest, annotations }: Descriptor): string {
  const signature = annotations?.[SIGNATURE_ANNOTATION];
  return `${digest} ${
    signature ?? JSON.stringify(Object.entries(annotations ?? {}).sort())
  }`;
}

/** The layers of one image that another lacks. */
export function missingLayers(
  held: ImageManifest,
  brought: ImageManifest,
): Descriptor[] {
  const has = new Set(held.layers.map(layerKey));
  return brought.layers.filter((layer) => !has.has(layerKey(layer)));
}

/**
 * An attachment image with more layers, or a new one. Its config lists them,
 * as the tools that append to it expect.
 *
 * @throws {HangarError} `invalid-manifest`
 */
export function appendLayers(
  held: AttachmentImage | undefined,
  layers: readonly Descriptor[],
): MadeAttachment {
  const config = held?.config ?? {};
  const rootfs = isJsonObject(config["rootfs"]) ? config["rootfs"] : {};
  const listed = Array.isArray(rootfs["diff_ids"]) ? rootfs["diff_ids"] : [];
  const before = held?.manifest.layers ?? [];
  // Payloads are not compressed, so their diff ids are their digests.
  const diffIds = [
    ...before.map((layer, i): unknown => listed[i] ?? layer.digest),
    ...layers.map((layer) => layer.digest),
  ];
  const { history: _, ...kept } = config;
  const configBytes = new TextEncoder().encode(JSON.stringify({
    ...BARE_CONFIG,
    ...kept,
    rootfs: { type: "layers", diff_ids: diffIds },
  }));
  const digest = digestOf(configBytes);
  const mediaType = held?.manifest.config.mediaType ?? MediaType.ociConfig;
  return {
    content: encode({
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      ...held?.manifest.json,
      config: { mediaType, size: configBytes.byteLength, digest },
      layers: [...before, ...layers].map((layer) => layer.json),
    }),
    config: { digest, bytes: configBytes },
  };
}

/**
 * Checks that a manifest under one of cosign's tags is an image. Layers can be
 * added only to an image.
 *
 * @throws {HangarError} `conflict` when it is something else
 */
export function asAttachment(manifest: Manifest, tag: string): ImageManifest {
  if (
    manifest.kind === "image" && isImageConfigType(manifest.config.mediaType)
  ) {
    return manifest;
  }
  throw new HangarError(
    "conflict",
    `tag ${tag} holds ${manifest.content.digest}, which is not an image that signatures can be added to`,
  );
}

function encode(json: JsonObject): ManifestContent {
  const content = encodeManifest(json);
  // It holds parts made elsewhere, so it is checked like any other manifest.
  parseContent(content);
  return content;
}
