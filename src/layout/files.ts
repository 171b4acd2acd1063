/**
 * What archives need of a file system. `machine/` implements it.
 *
 * @module
 */

import type { RandomAccess } from "./random_access.ts";

/** A file that is read and written at positions. */
export interface ArchiveFile extends RandomAccess, AsyncDisposable {
  /** What it took on the disk when it was opened, in bytes: less with holes. */
  readonly allocated: number;
  /** Writes all bytes at a position; a file that is shorter grows. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Cuts the file off, or lets it grow, to a size in bytes. */
  truncate(size: number): Promise<void>;
  /** Waits until all that was written is on the disk. */
  sync(): Promise<void>;
}

/** What is at a path. */
export interface PathInfo {
  readonly kind: "file" | "directory" | "other";
  /** In bytes. */
  readonly size: number;
}

/**
 * The files of archives. All errors are `HangarError`s with the code `file`,
 * which name the path and say why in plain words.
 */
export interface ArchiveFiles {
  /** Opens a file to read it. A link or a device is refused. */
  read(path: string): Promise<ArchiveFile>;
  /** Opens a file to change it. */
  change(path: string): Promise<ArchiveFile>;
  /** Makes a new file. @throws {HangarError} `file` where there is one */
  create(path: string): Promise<ArchiveFile>;
  /** What is at a path; undefined where there is nothing. Follows no link. */
  look(path: string): Promise<PathInfo | undefined>;
  /** The names in a directory, sorted; none where there is no directory. */
  list(path: string): Promise<readonly string[]>;
  /** Makes a directory, and those above it. */
  makeDirectory(path: string): Promise<void>;
  /** Gives a file another name, in place of what has that name. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or an empty directory; nothing where there is none. */
  remove(path: string): Promise<void>;
  /** Writes a small file whole or not at all. */
  replace(path: string, bytes: Uint8Array): Promise<void>;
  /** The bytes that are free where a path is, or will be. */
  free(path: string): Promise<number>;
  /**
   * Keeps others from changing an archive until the returned lock is disposed
   * of, or the process ends; undefined where another process has it.
   */
  lock(path: string): Promise<AsyncDisposable | undefined>;
}

/** Whether a disk is full. */
export const DISK_FULL = "no space left on the disk";

/** What is at a path that the user gave: a link to a directory counts as one. */
export async function lookAtGiven(
  files: ArchiveFiles,
  path: string,
): Promise<PathInfo | undefined> {
  return await files.look(`${path}/.`) ?? await files.look(path);
}
