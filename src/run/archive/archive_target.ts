/**
 * Opens archives to write them.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { ArchiveIndex, parseArchiveIndex } from "../../layout/archive_index.ts";
import type { ArchiveRecord } from "../../layout/archive_record.ts";
import { DirectoryMedium } from "../../layout/directory_medium.ts";
import { type ArchiveFiles, lookAtGiven } from "../../layout/files.ts";
import type { Content } from "../../layout/content.ts";
import type { Medium } from "../../layout/medium.ts";
import { partialPath, TarMedium } from "../../layout/tar/tar_medium.ts";
import { volumePath } from "../../layout/volumes/assign_volumes.ts";
import { VolumesMedium } from "../../layout/volumes/volumes_medium.ts";
import type { Prompt } from "../process.ts";
import { describe, openArchive } from "./open_archive.ts";
import {
  openVolumes,
  partialVolumes,
  volumePaths,
  type VolumesThere,
} from "./open_volumes.ts";

/** An archive that is written. */
export interface ArchiveTarget extends AsyncDisposable {
  readonly medium: Medium;
  readonly index: ArchiveIndex;
  /** What it holds already, and keeps. */
  readonly held: readonly Content[];
  readonly record?: ArchiveRecord;
  /** Whether a run has left it incomplete. */
  readonly isContinued: boolean;
  /** The index that it had, where only lost volumes of it are made again. */
  readonly earlier?: ArchiveIndex;
}

/** Whether an archive is a directory or one file. */
export type ArchiveKind = "directory" | "tar";

/** How an archive is opened to be written. */
export interface TargetOptions {
  readonly path: string;
  /** @default {a tar, where its name ends with .tar} */
  readonly kind?: ArchiveKind;
  /** Whether an archive that is there is replaced without asking. */
  readonly autoYes: boolean;
  readonly prompt: Prompt;
  /** The most that a volume may have, in bytes. @default {it is one file} */
  readonly volumeSize?: number;
  /** What is told before the first image. */
  readonly info: (message: string) => void;
}

/** What an archive of this name is to be. */
export function kindOf(path: string): ArchiveKind {
  return /\.tar$/i.test(path) ? "tar" : "directory";
}

/** Names that promise what hangar does not write. */
const OTHER_FORMATS = /\.(?:zip|tgz|gz|zst|xz|bz2|7z)$/i;

/**
 * Refuses names of formats that archives are not written in.
 *
 * @throws {HangarError} `usage`
 */
export function checkArchiveName(path: string): void {
  if (!OTHER_FORMATS.test(path)) return;
  throw new HangarError(
    "usage",
    `--destination ${path}: hangar writes OCI image layouts, uncompressed`,
    { hint: "give a name that ends with .tar, or a directory" },
  );
}

/**
 * Opens an archive that is made anew, or goes on with one that a run has left.
 *
 * @throws {HangarError} `usage` where there is one and it may not be replaced
 */
export async function openNew(
  files: ArchiveFiles,
  options: TargetOptions,
): Promise<ArchiveTarget> {
  const { path, autoYes, prompt, volumeSize, kind = kindOf(path) } = options;
  if (volumeSize !== undefined) {
    return await openNewVolumes(files, { ...options, volumeSize });
  }
  const info = await lookAtGiven(files, path);
  const isTar = kind === "tar" && info?.kind !== "directory";
  if (info?.kind === "file" && !isTar) {
    throw new HangarError(
      "usage",
      `--destination ${path} is a file`,
      { hint: "give a name that ends with .tar, or a directory" },
    );
  }
  const isThere = isTar
    ? info !== undefined
    : await files.look(`${path}/index.json`) !== undefined;
  if (isThere && !autoYes) await askToReplace(path, prompt);
  if (!isTar) return await newDirectory(files, path);
  const isContinued = await files.look(partialPath(path)) !== undefined;
  return await locked(files, partialPath(path), async () => ({
    medium: await TarMedium.begin(files, path),
    index: new ArchiveIndex(),
    held: [],
    isContinued,
  }));
}

async function newDirectory(
  files: ArchiveFiles,
  path: string,
): Promise<ArchiveTarget> {
  await refuseForeign(files, path);
  return await locked(files, path, async () => {
    const medium = await DirectoryMedium.open(files, path, { anew: true });
    const isContinued = medium.wasLeft;
    return { medium, index: new ArchiveIndex(), held: [], isContinued };
  });
}

/** A directory with anything else in it is not taken for an archive. */
async function refuseForeign(files: ArchiveFiles, path: string): Promise<void> {
  const names = await files.list(path);
  if (names.length === 0 || names.includes("blobs")) return;
  if (names.includes(".hangar")) return;
  throw new HangarError(
    "usage",
    `--destination ${path} is a directory with other files in it`,
    { hint: "give a name that ends with .tar, or an empty directory" },
  );
}

/**
 * Opens a set of volumes. Where some of a set are there already, only the others
 * are made.
 */
async function openNewVolumes(
  files: ArchiveFiles,
  { path, autoYes, prompt, volumeSize, info }: TargetOptions & {
    readonly volumeSize: number;
  },
): Promise<ArchiveTarget> {
  if (kindOf(path) !== "tar") {
    throw new HangarError(
      "usage",
      `--destination ${path}: volumes are tars`,
      { hint: "give a name that ends with .tar" },
    );
  }
  return await locked(files, partialPath(path), async () => {
    const isContinued = await files.look(partialPath(path)) !== undefined;
    const fresh = { index: new ArchiveIndex(), held: [], isContinued };
    const { there, left } = await lookForVolumes(files, path);
    const base = { path, files, volumeSize, left };
    const [first] = there.values();
    const table = first?.record.volume.volumes ?? [];
    if (!first || there.size === table.length) {
      await closeAll(there);
      if (first && !autoYes) await askToReplace(path, prompt);
      return { ...fresh, medium: await VolumesMedium.open(base) };
    }
    const volumes = new Map(
      [...there].map(([number, { tar }]) => [number, tar]),
    );
    try {
      const lost = [...table.keys()].map((i) => i + 1)
        .filter((number) => !there.has(number));
      info(
        `${path}: ${there.size} of ${table.length} volumes are there; ${
          lost.map((number) => volumePath(path, number)).join(", ")
        } is made again`,
      );
      const { record, indexBytes } = first;
      const earlier = parseArchiveIndex(indexBytes, path);
      const found = { volumes, table };
      const medium = await VolumesMedium.open({ ...base, found });
      return { ...fresh, medium, record, earlier };
    } catch (error) {
      await closeAll(there);
      throw error;
    }
  });
}

/** The volumes of a set that are there, and the numbers of incomplete ones. */
async function lookForVolumes(
  files: ArchiveFiles,
  path: string,
): Promise<{ readonly there: VolumesThere; readonly left: number[] }> {
  const there = await openVolumes(files, await volumePaths(files, path) ?? []);
  const left = await partialVolumes(files, path);
  return { there, left: left.filter((number) => !there.has(number)) };
}

async function closeAll(there: VolumesThere): Promise<void> {
  for (const { tar } of there.values()) await tar[Symbol.asyncDispose]();
}

async function askToReplace(path: string, prompt: Prompt): Promise<void> {
  const answer = await prompt(`${path} exists. Replace it? [y/N] `);
  if (answer !== undefined && /^y(?:es)?$/i.test(answer.trim())) return;
  throw new HangarError("usage", `${path} exists already`, {
    hint: "-y replaces it; `hangar sync` adds to it",
  });
}

/**
 * Opens a complete archive to add to it.
 *
 * @throws {HangarError} `file`, `invalid-archive`, `usage`
 */
export async function openExisting(
  files: ArchiveFiles,
  path: string,
): Promise<ArchiveTarget> {
  const isDirectory = (await lookAtGiven(files, path))?.kind === "directory";
  {
    await using archive = await openArchive(files, path);
    if (archive.refused) {
      throw new HangarError(
        "usage",
        `${path} is a zip of Go hangar, which is only read`,
        {
          hint:
            "make a .tar of it with `hangar archive merge`, and add to that",
        },
      );
    }
    if (archive.record?.volume) {
      throw new HangarError(
        "usage",
        `${path} is one of several volumes, to which nothing can be added`,
        { hint: "carry what is new with `hangar save --since`" },
      );
    }
  }
  return await locked(
    files,
    path,
    async () => await openToAdd(files, path, isDirectory),
  );
}

async function openToAdd(
  files: ArchiveFiles,
  path: string,
  isDirectory: boolean,
): Promise<UnlockedTarget> {
  const medium = isDirectory
    ? await DirectoryMedium.open(files, path)
    : await TarMedium.append(files, path);
  const { index, record } = await describe(medium);
  const held: Content[] = [...record?.contents ?? []];
  if (!record) {
    const left = new Set<string>();
    for await (const { digest } of medium.leftovers()) left.add(digest);
    for await (const content of medium.contents()) {
      if (isDirectory || !left.has(content.digest)) held.push(content);
    }
  }
  return { medium, index, held, record, isContinued: false };
}

type UnlockedTarget = Omit<ArchiveTarget, typeof Symbol.asyncDispose>;

/**
 * Opens an archive while other runs are kept away from it. What is there is
 * locked before anything of it is looked at or removed.
 */
async function locked(
  files: ArchiveFiles,
  path: string,
  open: () => Promise<UnlockedTarget>,
): Promise<ArchiveTarget> {
  await using opening = new AsyncDisposableStack();
  const isThere = await files.look(path) !== undefined;
  if (isThere) opening.use(await takeLock(files, path));
  const target = await open();
  opening.use(target.medium);
  if (!isThere) opening.use(await takeLock(files, path));
  const held = opening.move();
  return {
    ...target,
    [Symbol.asyncDispose]: async () => await held.disposeAsync(),
  };
}

async function takeLock(
  files: ArchiveFiles,
  path: string,
): Promise<AsyncDisposable> {
  const lock = await files.lock(path);
  if (lock) return lock;
  throw new HangarError(
    "usage",
    `${path} is being written by another process`,
    {
      hint: "wait until it has ended",
    },
  );
}
