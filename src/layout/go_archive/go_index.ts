/**
 * The list of images in an archive of Go hangar: its root `index.json`, in
 * version v1.2.0 or a later v1 (cnrancher/hangar, pkg/hangar/archive/index.go).
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import {
  formatReference,
  parseReference,
  type Reference,
} from "../../names/reference.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { optionalString } from "../../oci/descriptor.ts";
import { parseJsonObject } from "../../oci/json.ts";
import { isImageManifestType } from "../../oci/manifest.ts";
import type { Platform } from "../../oci/platform.ts";
import type { KnownKeys } from "../../strict_json.ts";

/** The largest list that is read, in bytes. One of 2,000 images has 5 MB. */
export const MAX_GO_INDEX_BYTES = 64 * 1024 * 1024;

/** The most manifests of one image. */
const MAX_MANIFESTS = 2_000;

const SPEC_KEYS: KnownKeys = {
  arch: {},
  os: {},
  osVersion: {},
  osFeatures: {},
  variant: {},
  mediaType: {},
  layers: {},
  config: {},
  digest: {},
  annotations: {},
};
const INDEX_KEYS: KnownKeys = {
  list: { source: {}, tag: {}, archList: {}, osList: {}, images: SPEC_KEYS },
  version: {},
  time: {},
};

/** A manifest that was saved. */
export interface GoManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Undefined for artifacts. */
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An item of the list: what one `save` or `sync` stored under a reference. */
export interface GoItem {
  readonly reference: Reference;
  readonly manifests: readonly GoManifest[];
}

/** An item that cannot be understood. */
export interface RefusedItem {
  /** Its reference, as far as it can be told. */
  readonly name: string;
  readonly error: HangarError;
}

/** The list. */
export interface GoIndex {
  readonly version: string;
  /** When the list was begun, as it was written. */
  readonly time?: string;
  readonly items: readonly GoItem[];
  readonly refused: readonly RefusedItem[];
}

function refuse(what: string): never {
  throw new HangarError("invalid-manifest", what);
}

/**
 * Reads the list. One item that is wrong does not spoil the others.
 *
 * @throws {HangarError} `invalid-manifest` when the whole is no such list, or
 * is of a version that hangar does not know
 */
export function parseGoIndex(bytes: Uint8Array): GoIndex {
  const json = parseJsonObject(bytes, "its index.json", INDEX_KEYS);
  const version = optionalString(json, "version") ?? "";
  checkVersion(version);
  const list = json["list"] ?? [];
  if (!Array.isArray(list)) return refuse("list in its index.json is no list");
  const items: GoItem[] = [];
  const refused: RefusedItem[] = [];
  for (const [i, value] of list.entries()) {
    let name = `list[${i}]`;
    try {
      if (!isJsonObject(value)) return refuse(`${name} is not an object`);
      const reference = referenceOf(value);
      name = formatReference(reference);
      items.push({ reference, manifests: manifestsOf(value) });
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      refused.push({ name, error });
    }
  }
  return { version, time: optionalString(json, "time"), items, refused };
}

/** As Go hangar does, older versions are refused. */
function checkVersion(version: string): void {
  const [, major, minor] = /^v?(\d{1,6})\.(\d{1,6})\.\d{1,6}/.exec(version) ??
    [];
  if (Number(major) === 1 && Number(minor) >= 2) return;
  throw new HangarError(
    "invalid-archive",
    `its index.json is of the version ${
      JSON.stringify(version.slice(0, 40))
    }, and hangar reads v1.2.0 and later ones of v1`,
    major === undefined || Number(major) > 1
      ? {}
      : { hint: "save the images again with Go hangar 1.7 or later" },
  );
}

function referenceOf(item: JsonObject): Reference {
  const source = optionalString(item, "source");
  const tag = optionalString(item, "tag");
  if (source === undefined || tag === undefined) {
    return refuse("it has no source or no tag");
  }
  const { registry, repository, tag: named } = parseReference(
    `${source}:${tag}`,
  );
  return { registry, repository, tag: named };
}

function manifestsOf({ images }: JsonObject): GoManifest[] {
  if (!Array.isArray(images) || images.length === 0) {
    return refuse("it lists no manifests");
  }
  if (images.length > MAX_MANIFESTS) {
    return refuse(
      `it lists ${images.length} manifests, the limit is ${MAX_MANIFESTS}`,
    );
  }
  return images.map((image) =>
    isJsonObject(image) ? manifestOf(image) : refuse("a manifest is no object")
  );
}

function manifestOf(json: JsonObject): GoManifest {
  const { digest, annotations } = json;
  if (typeof digest !== "string" || !isDigest(digest)) {
    return refuse(
      `a manifest has the invalid digest ${
        (JSON.stringify(digest) ?? "none").slice(0, 160)
      }`,
    );
  }
  const mediaType = optionalString(json, "mediaType") ?? "";
  if (!isImageManifestType(mediaType)) {
    return refuse(
      `manifest ${digest} has the media type ${
        JSON.stringify(mediaType.slice(0, 120))
      }, which is none of an image`,
    );
  }
  return {
    digest,
    mediaType,
    platform: platformOf(json, digest),
    annotations: annotationsOf(annotations, digest),
  };
}

function platformOf(json: JsonObject, digest: Digest): Platform | undefined {
  const architecture = optionalString(json, "arch");
  const os = optionalString(json, "os");
  if (architecture === undefined || os === undefined) return undefined;
  const features = json["osFeatures"] ?? [];
  if (
    !Array.isArray(features) ||
    features.some((item) => typeof item !== "string")
  ) {
    return refuse(`osFeatures of ${digest} is no list of strings`);
  }
  return {
    os,
    architecture,
    variant: optionalString(json, "variant"),
    osVersion: optionalString(json, "osVersion"),
    osFeatures: features.length > 0 ? features : undefined,
  };
}

function annotationsOf(
  value: unknown,
  digest: Digest,
): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isJsonObject(value)) {
    return refuse(`annotations of ${digest} are no object`);
  }
  const notes: Record<string, string> = {};
  for (const [key, note] of Object.entries(value)) {
    if (typeof note !== "string") {
      return refuse(`annotation ${key.slice(0, 60)} of ${digest} is no string`);
    }
    notes[key] = note;
  }
  return Object.keys(notes).length > 0 ? notes : undefined;
}
