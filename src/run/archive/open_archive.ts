/**
 * Opens archives to read them.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import {
  type ArchiveIndex,
  MAX_INDEX_BYTES,
  parseArchiveIndex,
} from "../../layout/archive_index.ts";
import {
  type ArchiveRecord,
  MAX_RECORD_BYTES,
  parseRecord,
  recordPath,
} from "../../layout/archive_record.ts";
import {
  type DirectoryReader,
  openDirectory,
} from "../../layout/directory_medium.ts";
import { type ArchiveFiles, lookAtGiven } from "../../layout/files.ts";
import type { GoArchive } from "../../layout/go_archive/go_archive.ts";
import type { RefusedItem } from "../../layout/go_archive/go_index.ts";
import type { MediumReader } from "../../layout/medium.ts";
import { BLOCK_BYTES, isHeader, isZero } from "../../layout/tar/tar_header.ts";
import { TarReader } from "../../layout/tar/tar_reader.ts";
import { volumeOf } from "../../layout/volumes/assign_volumes.ts";
import { VolumeSetReader } from "../../layout/volumes/volume_reader.ts";
import { checkComplete, openVolumes, volumePaths } from "./open_volumes.ts";

const READ_HERE =
  "hangar reads OCI image layouts, a directory or a .tar of one, and zips of Go hangar";

/** An archive that is open. */
export interface OpenArchive extends AsyncDisposable {
  readonly medium: MediumReader;
  readonly index: ArchiveIndex;
  /** The bytes of `index.json`. */
  readonly indexBytes: Uint8Array;
  /** hangar's own record; other tools write none. */
  readonly record?: ArchiveRecord;
  /**
   * Images that it lists and that cannot be understood. Only archives of Go
   * hangar have this.
   */
  readonly refused?: readonly RefusedItem[];
}

/**
 * Opens an archive.
 *
 * @param paths its path; of several volumes, one of them, the name of their set,
 * their directory, or all of them
 * @throws {HangarError} `usage` where there is nothing, `file`, `invalid-archive`
 */
export async function openArchive(
  files: ArchiveFiles,
  paths: string | readonly string[],
): Promise<OpenArchive> {
  const [path = "", ...more] = [paths].flat();
  const volumes = more.length > 0
    ? [path, ...more]
    : await volumePaths(files, path);
  if (volumes) return await openSet(files, volumes);
  const medium = await openMedium(files, path);
  try {
    const archive = await describe(medium);
    return "refused" in medium
      ? { ...archive, refused: medium.refused }
      : archive;
  } catch (error) {
    await medium[Symbol.asyncDispose]();
    throw error;
  }
}

/** Opens the volumes of a set as one archive. */
async function openSet(
  files: ArchiveFiles,
  paths: readonly string[],
): Promise<OpenArchive> {
  const there = await openVolumes(files, paths);
  const [first] = there.values();
  try {
    checkComplete(there);
    const { record, indexBytes, path } = first!;
    const tars = new Map([...there].map(([number, { tar }]) => [number, tar]));
    const name = volumeOf(path)?.path ?? path;
    const medium = new VolumeSetReader(name, tars, record.volume.volumes);
    return {
      medium,
      index: parseArchiveIndex(indexBytes, name),
      indexBytes,
      record,
      [Symbol.asyncDispose]: async () => await medium[Symbol.asyncDispose](),
    };
  } catch (error) {
    for (const { tar } of there.values()) await tar[Symbol.asyncDispose]();
    throw error;
  }
}

async function openMedium(
  files: ArchiveFiles,
  path: string,
): Promise<DirectoryReader | TarReader | GoArchive> {
  const info = await lookAtGiven(files, path);
  if (info === undefined) {
    throw new HangarError("usage", `cannot read ${path}: no such file`);
  }
  if (info?.kind === "directory") return await openDirectory(files, path);
  const kind = kindOf(await startOf(files, path));
  if (kind === "zip") {
    const { GoArchive } = await import(
      "../../layout/go_archive/go_archive.ts"
    );
    return await GoArchive.open(await files.read(path), path);
  }
  if (kind === "compressed") {
    throw new HangarError("invalid-archive", `${path} is compressed`, {
      hint: "decompress it first",
    });
  }
  if (kind === undefined) {
    throw new HangarError(
      "invalid-archive",
      `${path} is no archive, or its beginning is damaged`,
      { hint: READ_HERE },
    );
  }
  return await TarReader.open(files, path);
}

async function startOf(files: ArchiveFiles, path: string) {
  await using file = await files.read(path);
  const start = new Uint8Array(BLOCK_BYTES);
  await file.read(0, start);
  return start;
}

/** What a file is, by how it begins: archives of Go hangar are zips. */
function kindOf(start: Uint8Array): "zip" | "compressed" | "tar" | undefined {
  const begins = (...bytes: number[]) =>
    bytes.every((byte, i) => start[i] === byte);
  if (begins(0x50, 0x4b, 3, 4) || begins(0x50, 0x4b, 5, 6)) return "zip";
  // gzip, zstd, xz
  if (begins(0x1f, 0x8b) || begins(0x28, 0xb5, 0x2f, 0xfd)) return "compressed";
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a)) return "compressed";
  return isZero(start) || isHeader(start) ? "tar" : undefined;
}

/** Reads the files that describe the content of an archive. */
export async function describe(medium: MediumReader): Promise<OpenArchive> {
  const indexBytes = await medium.readFile("index.json", MAX_INDEX_BYTES);
  if (!indexBytes) {
    throw new HangarError(
      "invalid-archive",
      `${medium.name} has no index.json: it is no OCI image layout`,
      { hint: READ_HERE },
    );
  }
  const index = parseArchiveIndex(indexBytes, medium.name);
  const record = await medium.readFile(
    recordPath(indexBytes),
    MAX_RECORD_BYTES,
  );
  return {
    medium,
    index,
    indexBytes,
    record: record && parseRecord(record, medium.name),
    [Symbol.asyncDispose]: async () => await medium[Symbol.asyncDispose](),
  };
}
