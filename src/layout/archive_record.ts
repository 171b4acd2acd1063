/**
 * hangar's own record of an archive: what it holds, what was left out of it
 * because another archive has it, and which of several volumes it is. Its name
 * is the digest of the `index.json` that it belongs to.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { isJsonObject, type JsonObject, parseJsonObject } from "../oci/json.ts";
import { type Content, OWN_DIRECTORY } from "./content.ts";

/** An archive, or a registry's receipt, that some content was left out for. */
export interface Base {
  /** What it was called when the archive was made. */
  readonly name: string;
  /** The digest of its `index.json`, or of the receipt. */
  readonly digest: Digest;
  /** The registry that a receipt is of. */
  readonly registry?: string;
}

/** Content that an archive needs and does not hold. */
export interface LeftOut extends Content {
  /** Which of the bases has it, from 0. */
  readonly base: number;
  /**
   * Repositories that hold it once the base is loaded: by their names at the
   * source, or, where the base is a receipt, at the destination.
   */
  readonly repositories: readonly string[];
}

/** Content of a volume; a part of it where `offset` or `length` say so. */
export interface VolumeContent extends Content {
  /** Where the part begins in the content, in bytes. */
  readonly offset: number;
  /** How long the part is, in bytes. */
  readonly length: number;
}

/** Which volume of a set an archive is. */
export interface VolumeRecord {
  /** From 1. */
  readonly number: number;
  /** What each volume holds; the first is volume 1. */
  readonly volumes: readonly (readonly VolumeContent[])[];
}

/** The record. */
export interface ArchiveRecord {
  /** All content of the archive, of all its volumes. */
  readonly contents: readonly Content[];
  readonly bases: readonly Base[];
  readonly leftOut: readonly LeftOut[];
  readonly volume?: VolumeRecord;
}

/** The largest record that is read, in bytes. */
export const MAX_RECORD_BYTES = 512 * 1024 * 1024;

/** Where the record of an archive is. */
export function recordPath(index: Uint8Array): string {
  return `${OWN_DIRECTORY}/${digestOf(index).slice("sha256:".length)}.json`;
}

/** Writes a record. Equal records give equal bytes. */
export function encodeRecord(record: ArchiveRecord): Uint8Array {
  const { contents, bases, leftOut, volume } = record;
  const json = {
    schemaVersion: 1,
    contents: sorted(contents).map(({ digest, size }) => [digest, size]),
    bases,
    leftOut: sorted(leftOut),
    ...(volume && {
      volume: {
        number: volume.number,
        volumes: volume.volumes.map((contents) =>
          contents.map(({ digest, size, offset, length }) =>
            offset === 0 && length === size
              ? [digest, size]
              : [digest, size, offset, length]
          )
        ),
      },
    }),
  };
  return new TextEncoder().encode(JSON.stringify(json));
}

function sorted<T extends Content>(contents: readonly T[]): T[] {
  return contents.toSorted((a, b) =>
    a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0
  );
}

/**
 * Reads a record.
 *
 * @throws {HangarError} `invalid-archive`
 */
export function parseRecord(bytes: Uint8Array, name: string): ArchiveRecord {
  const what = `${name}: its record`;
  const refuse = (why: string): never => {
    throw new HangarError("invalid-archive", `${what} ${why}`);
  };
  let json: JsonObject;
  try {
    json = parseJsonObject(bytes, what);
  } catch (cause) {
    return refuse(
      `is damaged${cause instanceof Error ? `: ${cause.message}` : ""}`,
    );
  }
  if (json["schemaVersion"] !== 1) {
    return refuse(
      `has the schema version ${
        JSON.stringify(json["schemaVersion"])
      }, which this hangar does not know`,
    );
  }
  const list = (key: string): readonly unknown[] => {
    const value = json[key];
    return Array.isArray(value) ? value : refuse(`has no list ${key}`);
  };
  const bases = list("bases").map((base) =>
    parseBase(base) ?? refuse("is damaged: bases")
  );
  return {
    contents: list("contents").map((item) =>
      parseContents(item) ?? refuse("is damaged: contents")
    ),
    bases,
    leftOut: list("leftOut").map((item) =>
      parseLeftOut(item, bases.length) ?? refuse("is damaged: leftOut")
    ),
    volume: json["volume"] === undefined
      ? undefined
      : parseVolume(json["volume"]) ?? refuse("is damaged: volume"),
  };
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function parseContents(item: unknown): Content | undefined {
  if (!Array.isArray(item)) return undefined;
  const [digest, size] = item;
  return typeof digest === "string" && isDigest(digest) && isSize(size)
    ? { digest, size }
    : undefined;
}

function parsePart(item: unknown): VolumeContent | undefined {
  const content = parseContents(item);
  if (!content || !Array.isArray(item)) return undefined;
  const [, , offset = 0, length = content.size] = item;
  return isSize(offset) && isSize(length) && offset + length <= content.size
    ? { ...content, offset, length }
    : undefined;
}

function parseBase(item: unknown): Base | undefined {
  if (!isJsonObject(item)) return undefined;
  const { name, digest, registry } = item;
  const isFine = typeof name === "string" && typeof digest === "string" &&
    isDigest(digest) &&
    (registry === undefined || typeof registry === "string");
  return isFine ? { name, digest, registry } : undefined;
}

function parseLeftOut(item: unknown, bases: number): LeftOut | undefined {
  if (!isJsonObject(item)) return undefined;
  const { digest, size, base, repositories } = item;
  const isFine = typeof digest === "string" && isDigest(digest) &&
    isSize(size) && isSize(base) && base < bases &&
    Array.isArray(repositories) &&
    repositories.every((name) => typeof name === "string");
  return isFine ? { digest, size, base, repositories } : undefined;
}

function parseVolume(item: unknown): VolumeRecord | undefined {
  if (!isJsonObject(item)) return undefined;
  const { number, volumes } = item;
  if (!isSize(number) || !Array.isArray(volumes)) return undefined;
  if (number < 1 || number > volumes.length) return undefined;
  const parsed: VolumeContent[][] = [];
  for (const contents of volumes) {
    if (!Array.isArray(contents)) return undefined;
    const parts = contents.map(parsePart);
    if (parts.some((part) => part === undefined)) return undefined;
    parsed.push(parts.filter((part) => part !== undefined));
  }
  return { number, volumes: parsed };
}
