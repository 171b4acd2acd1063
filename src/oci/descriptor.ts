/**
 * Descriptors, and the platforms in them (image-spec descriptor.md,
 * image-index.md).
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import type { Platform } from "./platform.ts";

/** A reference to content, with all the fields that it came with. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Where the content of a foreign layer may be downloaded. */
  readonly urls?: readonly string[];
  /** The object this was read from, unknown fields included. */
  readonly json: JsonObject;
}

function refuse(what: string): never {
  throw new HangarError("invalid-manifest", what);
}

/** A text that may be missing or empty. */
export function optionalString(
  json: JsonObject,
  key: string,
): string | undefined {
  const value = json[key];
  if (value === undefined || value === null || value === "") return undefined;
  return typeof value === "string" ? value : refuse(`${key} is not a string`);
}

function stringList(value: unknown, what: string): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) return refuse(`${what} is not a list`);
  return value.map((item) =>
    typeof item === "string" ? item : refuse(`${what} holds a non-string`)
  );
}

/**
 * The platform in an index entry or in an image config, which use the same
 * keys; `undefined` when neither OS nor architecture is named.
 *
 * @throws {HangarError} `invalid-manifest`
 */
export function platformFromJson(json: JsonObject): Platform | undefined {
  const architecture = optionalString(json, "architecture");
  if (architecture === undefined) return undefined;
  return {
    os: optionalString(json, "os") ?? "linux",
    architecture,
    variant: optionalString(json, "variant"),
    osVersion: optionalString(json, "os.version"),
    osFeatures: stringList(json["os.features"], "os.features"),
  };
}

/**
 * Reads a descriptor.
 *
 * @throws {HangarError} `invalid-manifest`, naming what is wrong.
 */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  if (!isJsonObject(value)) return refuse(`${what} is not an object`);
  const { digest, size, annotations, platform } = value;
  if (typeof digest !== "string" || !isDigest(digest)) {
    return refuse(
      `${what} has the invalid digest ${
        (JSON.stringify(digest) ?? "none").slice(0, 160)
      }`,
    );
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    return refuse(`${what} ${digest} has the invalid size ${size}`);
  }
  let notes: Record<string, string> | undefined;
  if (annotations !== undefined && annotations !== null) {
    if (!isJsonObject(annotations)) {
      return refuse(`${what} ${digest} has annotations that are no object`);
    }
    notes = {};
    for (const [key, note] of Object.entries(annotations)) {
      if (typeof note !== "string") {
        return refuse(
          `${what} ${digest} has an annotation that is not a string`,
        );
      }
      notes[key] = note;
    }
  }
  return {
    mediaType: optionalString(value, "mediaType") ?? "",
    digest,
    size,
    platform: isJsonObject(platform) ? platformFromJson(platform) : undefined,
    artifactType: optionalString(value, "artifactType"),
    annotations: notes,
    urls: stringList(value["urls"], `urls of ${digest}`),
    json: value,
  };
}

/** Each digest once. The last descriptor of a digest is kept. */
export function distinct(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((d) => [d.digest, d])).values()];
}
