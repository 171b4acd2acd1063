/**
 * Opens sets of volumes: all of them are found, and each belongs to the set.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import {
  type ArchiveRecord,
  MAX_RECORD_BYTES,
  parseRecord,
  recordPath,
  type VolumeRecord,
} from "../../layout/archive_record.ts";
import { MAX_INDEX_BYTES } from "../../layout/archive_index.ts";
import { type ArchiveFiles, lookAtGiven } from "../../layout/files.ts";
import { partialPath } from "../../layout/tar/tar_medium.ts";
import { TarReader } from "../../layout/tar/tar_reader.ts";
import { volumeOf, volumePath } from "../../layout/volumes/assign_volumes.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";

/** One volume of a set. */
export interface OpenVolume {
  readonly path: string;
  readonly tar: TarReader;
  readonly indexBytes: Uint8Array;
  /** The digest of its `index.json`, by which a set is known. */
  readonly set: Digest;
  readonly record: ArchiveRecord & { readonly volume: VolumeRecord };
}

/** The volumes that are there, by their numbers. */
export type VolumesThere = ReadonlyMap<number, OpenVolume>;

/** Opens one volume; undefined where a tar is none. */
async function openVolume(
  files: ArchiveFiles,
  path: string,
): Promise<OpenVolume | undefined> {
  const tar = await TarReader.open(files, path);
  try {
    const indexBytes = await tar.readFile("index.json", MAX_INDEX_BYTES);
    const bytes = indexBytes &&
      await tar.readFile(recordPath(indexBytes), MAX_RECORD_BYTES);
    const record = bytes && parseRecord(bytes, path);
    if (indexBytes && record?.volume) {
      const { volume } = record;
      const set = digestOf(indexBytes);
      return { path, tar, indexBytes, set, record: { ...record, volume } };
    }
  } catch (error) {
    await tar[Symbol.asyncDispose]();
    throw error;
  }
  await tar[Symbol.asyncDispose]();
  return undefined;
}

/**
 * The paths of all volumes of a set, given the path of one, of the set, or of the
 * directory they are in; undefined where that names no volumes.
 */
export async function volumePaths(
  files: ArchiveFiles,
  path: string,
): Promise<readonly string[] | undefined> {
  const info = await lookAtGiven(files, path);
  if (info?.kind === "directory") {
    const names = await files.list(path);
    if (names.includes("index.json")) return undefined;
    const volumes = names.filter((name) => volumeOf(name) !== undefined);
    return volumes.length > 0
      ? volumes.map((name) => `${path}/${name}`)
      : undefined;
  }
  const set = volumeOf(path)?.path ?? (info === undefined ? path : undefined);
  if (set === undefined) return undefined;
  const own = (await namesBeside(files, set))
    .filter((name) => volumeOf(name)?.path === set);
  return own.length > 0 ? own : undefined;
}

/** The paths of all that is in the directory of a set. */
async function namesBeside(
  files: ArchiveFiles,
  set: string,
): Promise<string[]> {
  const directory = set.slice(0, set.lastIndexOf("/") + 1);
  const names = await files.list(directory || ".");
  return names.map((name) => `${directory}${name}`);
}

/** The numbers of the volumes that a run has left incomplete. */
export async function partialVolumes(
  files: ArchiveFiles,
  set: string,
): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of await namesBeside(files, set)) {
    const { path, number = 0 } = volumeOf(name.replace(/\.partial$/, "")) ?? {};
    if (path !== set) continue;
    const partial = partialPath(volumePath(set, number));
    if (name === partial) numbers.push(number);
  }
  return numbers;
}

/**
 * Opens the volumes at some paths.
 *
 * @param name what the set is called in errors
 * @throws {HangarError} `invalid-archive` for a volume of another set, or one
 * that is there twice
 */
export async function openVolumes(
  files: ArchiveFiles,
  paths: readonly string[],
): Promise<VolumesThere> {
  const there = new Map<number, OpenVolume>();
  try {
    for (const path of paths) {
      const volume = await openVolume(files, path);
      if (!volume) refuse(`${path} is not a volume of a set`);
      const { number } = volume.record.volume;
      const [first] = there.values();
      const same = there.get(number);
      const isOther = first !== undefined && first.set !== volume.set;
      if (!isOther && !same) {
        there.set(number, volume);
        continue;
      }
      await volume.tar[Symbol.asyncDispose]();
      if (!isOther) {
        refuse(`${path} and ${same!.path} are both volume ${number}`);
      }
      refuse(
        `${path} and ${first.path} are volumes of different sets`,
        "give the volumes that one `hangar save` has made",
      );
    }
    return there;
  } catch (error) {
    for (const { tar } of there.values()) await tar[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Refuses a set of which volumes are missing, and names them.
 *
 * @throws {HangarError} `invalid-archive`
 */
export function checkComplete(there: VolumesThere): void {
  const [first] = there.values();
  if (!first) return;
  const { volumes } = first.record.volume;
  const set = volumeOf(first.path)?.path ?? first.path;
  const missing = [...volumes.keys()].map((i) => i + 1)
    .filter((number) => !there.has(number));
  if (missing.length === 0) return;
  const names = missing.slice(0, 20).map((number) => volumePath(set, number));
  refuse(
    `volume ${
      missing.slice(0, 20).join(", ")
    } of ${volumes.length} is missing: ${names.join(", ")}`,
    "copy it once more, or run the same `hangar save` beside the others: it makes that one again",
  );
}

function refuse(message: string, hint?: string): never {
  throw new HangarError("invalid-archive", message, { hint });
}
