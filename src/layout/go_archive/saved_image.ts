/**
 * What a tag held that Go hangar saved. The index of the source is lost in its
 * archives, so one is made of the manifests that were saved. Equal archives
 * give equal bytes.
 *
 * @module
 */

import {
  attestationSubject,
  type Descriptor,
  encodeManifest,
  isOciType,
  type JsonObject,
  type ManifestContent,
  MediaType,
  parseDescriptor,
} from "../../oci/manifest.ts";
import { platformKey } from "../../oci/platform.ts";
import type { GoManifest } from "./go_index.ts";

/** A tag's content. */
export interface SavedImage {
  /** Of what the tag stands for. */
  readonly top: Descriptor;
  /** The index that is made here; undefined where a single manifest was saved. */
  readonly index?: ManifestContent;
}

/**
 * Makes the content of a tag from what one or several items list for it.
 *
 * A single manifest stays one: nothing that the source did not have is made up,
 * and where the source's tag held just this manifest, its digest is kept.
 * (Go hangar puts an index around it.) An index is a Docker manifest list where
 * all its manifests are Docker's, as their source had it.
 *
 * @param sizeOf the size of a manifest, in bytes
 */
export function savedImage(
  manifests: readonly GoManifest[],
  sizeOf: (manifest: GoManifest) => number,
): SavedImage {
  const entries = unite(manifests).map((manifest) =>
    parseDescriptor(entryJson(manifest, sizeOf(manifest)), "entry")
  );
  if (entries.length === 1) return { top: entries[0]! };
  const index = encodeManifest({
    schemaVersion: 2,
    mediaType: entries.some(({ mediaType }) => isOciType(mediaType))
      ? MediaType.ociIndex
      : MediaType.dockerList,
    manifests: entries.map(({ json }) => json),
  });
  const top = parseDescriptor({
    mediaType: index.mediaType,
    digest: index.digest,
    size: index.bytes.byteLength,
  }, "index");
  return { top, index };
}

/**
 * The manifests of one tag: a later one replaces an earlier one of the same
 * platform, as when Go hangar loads them in this order, and an attestation goes
 * with its subject.
 */
function unite(manifests: readonly GoManifest[]): GoManifest[] {
  const united = new Map<string, GoManifest>();
  for (const manifest of manifests) {
    const key = keyOf(manifest);
    // What is replaced leaves its place, too.
    united.delete(key);
    united.set(key, manifest);
  }
  const digests = new Set<string>(
    [...united.values()].map(({ digest }) => digest),
  );
  const listed = new Set<string>(manifests.map(({ digest }) => digest));
  return [...united.values()].filter((manifest) => {
    const subject = subjectOf(manifest);
    return subject === undefined || digests.has(subject) ||
      !listed.has(subject);
  });
}

function keyOf(manifest: GoManifest): string {
  const subject = subjectOf(manifest);
  if (subject !== undefined) return `attestation ${subject}`;
  return manifest.platform ? platformKey(manifest.platform) : "artifact";
}

function subjectOf(manifest: GoManifest): string | undefined {
  return attestationSubject(
    parseDescriptor(entryJson(manifest, 0), "manifest"),
  );
}

/** The fields in the order in which Go writes them. */
function entryJson(
  { mediaType, digest, annotations, platform }: GoManifest,
  size: number,
): JsonObject {
  return {
    mediaType,
    digest,
    size,
    ...annotations && { annotations },
    ...platform && {
      platform: {
        architecture: platform.architecture,
        os: platform.os,
        ...platform.osVersion && { "os.version": platform.osVersion },
        ...platform.osFeatures && { "os.features": platform.osFeatures },
        ...platform.variant && { variant: platform.variant },
      },
    },
  };
}
