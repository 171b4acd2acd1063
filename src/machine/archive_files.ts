/**
 * The file system, as archives need it.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { HangarError } from "../errors.ts";
import type { ArchiveFile, ArchiveFiles, PathInfo } from "../layout/files.ts";
import { fileError, isAbsent } from "./file_error.ts";
import { temporaryBeside } from "./replace_file.ts";

/** The error of the system as one that names the path. */
function told(action: string, path: string, cause: unknown): HangarError {
  if (cause instanceof HangarError) return cause;
  const error = fileError(action, path, cause);
  return isFull(cause)
    ? new HangarError("disk-full", error.message, {
      cause,
      hint: "make room there and run the same command again: it goes on",
    })
    : error;
}

function isFull(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause &&
    (cause.code === "ENOSPC" || cause.code === "EDQUOT");
}

async function telling<T>(
  action: string,
  path: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw told(action, path, cause);
  }
}

/** An open file. One call at a time moves its position. */
class OpenFile implements ArchiveFile {
  readonly size: number;
  readonly allocated: number;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #position = 0;
  #last: Promise<unknown> = Promise.resolve();
  #isOpen = true;

  constructor(path: string, file: Deno.FsFile, info: Deno.FileInfo) {
    const { size, blocks } = info;
    this.#path = path;
    this.#file = file;
    this.size = size;
    this.allocated = blocks === null ? size : Math.min(size, blocks * 512);
  }

  read(offset: number, buffer: Uint8Array): Promise<number> {
    return this.#alone("read", async () => {
      await this.#seek(offset);
      let count = 0;
      while (count < buffer.length) {
        const more = await this.#file.read(buffer.subarray(count));
        if (more === null) break;
        count += more;
        this.#position += more;
      }
      return count;
    });
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#alone("write", async () => {
      await this.#seek(offset);
      let left = bytes;
      while (left.length > 0) {
        const count = await this.#file.write(left);
        this.#position += count;
        left = left.subarray(count);
      }
    });
  }

  truncate(size: number): Promise<void> {
    return this.#alone("write", () => this.#file.truncate(size));
  }

  sync(): Promise<void> {
    return this.#alone("write", () => this.#file.sync());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.close();
  }

  async #seek(offset: number): Promise<void> {
    if (this.#position === offset) return;
    await this.#file.seek(offset, Deno.SeekMode.Start);
    this.#position = offset;
  }

  #alone<T>(action: string, work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => telling(action, this.#path, work));
    this.#last = result.catch(() => {});
    return result;
  }
}

async function open(
  path: string,
  options: Deno.OpenOptions,
): Promise<ArchiveFile> {
  const action = options.write ? "write" : "read";
  return await telling(action, path, async () => {
    if (!options.createNew) await refuseOddFile(path, action);
    const file = await Deno.open(path, options);
    try {
      return new OpenFile(path, file, await file.stat());
    } catch (error) {
      file.close();
      throw error;
    }
  });
}

/** A device or a pipe would block, and its content is no archive. */
async function refuseOddFile(path: string, action: string): Promise<void> {
  const { isFile, isDirectory } = await Deno.stat(path);
  if (isFile) return;
  throw new HangarError(
    "file",
    `cannot ${action} ${path}: ${
      isDirectory ? "it is a directory" : "it is not a plain file"
    }`,
  );
}

async function look(path: string): Promise<PathInfo | undefined> {
  try {
    const { isFile, isDirectory, size } = await Deno.lstat(path);
    const kind = isFile ? "file" : isDirectory ? "directory" : "other";
    return { kind, size };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw told("read", path, error);
  }
}

/** The directory that a path is in. */
function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : slash === 0 ? "/" : path.slice(0, slash);
}

async function free(path: string): Promise<number> {
  let place = path;
  while (place !== "." && place !== "/" && await look(place) === undefined) {
    place = directoryOf(place);
  }
  return await telling("look at", place, async () => {
    const { bavail, bsize } = await statfs(place);
    return Number(bavail) * Number(bsize);
  });
}

async function replaceBytes(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await using file = await archiveFiles.create(temporary);
    await file.write(0, bytes);
    await file.sync();
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** A lock that ends with the process. */
async function lock(path: string): Promise<AsyncDisposable | undefined> {
  return await telling("lock", path, async () => {
    const file = await Deno.open(path, { read: true });
    if (!await file.tryLock(true)) {
      file.close();
      return undefined;
    }
    return {
      [Symbol.asyncDispose]: async () => {
        await file.unlock();
        file.close();
      },
    };
  });
}

/** The files of this machine. */
export const archiveFiles: ArchiveFiles = {
  read: (path) => open(path, { read: true }),
  change: (path) => open(path, { read: true, write: true }),
  create: (path) => open(path, { read: true, write: true, createNew: true }),
  look,
  list: async (path) => {
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(path)) names.push(name);
    } catch (error) {
      if (isAbsent(error)) return [];
      throw told("read", path, error);
    }
    return names.sort();
  },
  makeDirectory: (path) =>
    telling("make", path, () => Deno.mkdir(path, { recursive: true })),
  rename: (from, to) => telling("write", to, () => Deno.rename(from, to)),
  remove: (path) =>
    telling("remove", path, async () => {
      try {
        await Deno.remove(path);
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    }),
  replace: (path, bytes) =>
    telling("write", path, () => replaceBytes(path, bytes)),
  free,
  lock,
};
