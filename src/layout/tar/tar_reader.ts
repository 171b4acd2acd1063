/**
 * An OCI image layout in one tar, to be read.
 *
 * @module
 */

import type { ByteReader } from "../../bytes.ts";
import { HangarError } from "../../errors.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { ArchiveFiles } from "../files.ts";
import { type Content, digestAt } from "../content.ts";
import type { MediumReader } from "../medium.ts";
import {
  type RandomAccess,
  readPart,
  readWholePart,
} from "../random_access.ts";
import { scanTar, type TarEntry, type TarScan } from "./scan_tar.ts";

/** The content of a tar, and the files that describe it. */
export class TarTable {
  readonly contents = new Map<Digest, TarEntry>();
  readonly files = new Map<string, TarEntry>();

  /** Adds entries; as for tar(1), the last of one name counts. */
  add(entries: Iterable<TarEntry>): this {
    for (const entry of entries) {
      const digest = digestAt(entry.name);
      if (digest === undefined) this.files.set(entry.name, entry);
      else if (isDigest(digest)) this.contents.set(digest, entry);
    }
    return this;
  }
}

/** Refuses what is no tar, and says what it is. */
export async function checkTar(
  file: RandomAccess,
  name: string,
): Promise<void> {
  const magic = new Uint8Array(8);
  const count = await file.read(0, magic);
  const starts = (...bytes: readonly number[]) =>
    bytes.every((byte, i) => magic[i] === byte);
  const compressed = starts(0x1f, 0x8b)
    ? "gzip"
    : starts(0x28, 0xb5, 0x2f, 0xfd)
    ? "zstd"
    : starts(0xfd, 0x37, 0x7a, 0x58, 0x5a)
    ? "xz"
    : starts(0x42, 0x5a, 0x68)
    ? "bzip2"
    : undefined;
  if (compressed !== undefined) {
    throw new HangarError(
      "invalid-archive",
      `${name} is compressed with ${compressed}`,
      { hint: "uncompress it first: its content is read where it lies" },
    );
  }
  if (count === 0) {
    throw new HangarError("invalid-archive", `${name} is empty`);
  }
}

/** Reads a tar. */
export class TarReader implements MediumReader {
  readonly name: string;
  readonly #path: string;
  readonly #files: ArchiveFiles;
  readonly #file: RandomAccess & AsyncDisposable;
  readonly #table: TarTable;

  private constructor(
    files: ArchiveFiles,
    path: string,
    name: string,
    file: RandomAccess & AsyncDisposable,
    scan: TarScan,
  ) {
    this.name = name;
    this.#files = files;
    this.#path = path;
    this.#file = file;
    this.#table = new TarTable().add(scan.entries);
  }

  /**
   * Opens a tar and reads its headers.
   *
   * @throws {HangarError} `file`, `invalid-archive`
   */
  static async open(
    files: ArchiveFiles,
    path: string,
    name = path,
  ): Promise<TarReader> {
    const file = await files.read(path);
    try {
      await checkTar(file, name);
      const scan = await scanTar(file, { name });
      return new TarReader(files, path, name, file, scan);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  sizeOf(digest: Digest): Promise<number | undefined> {
    return Promise.resolve(this.#table.contents.get(digest)?.size);
  }

  async open(content: Content, offset: number): Promise<ByteReader> {
    return await openEntry(
      this.#files,
      this.#path,
      this.#table.contents.get(content.digest),
      content,
      { offset, name: this.name },
    );
  }

  async readFile(path: string, limit: number): Promise<Uint8Array | undefined> {
    return await readEntry(this.#file, this.#table.files.get(path), {
      limit,
      name: this.name,
    });
  }

  /** The files beside the content, by name. */
  get fileNames(): Iterable<string> {
    return this.#table.files.keys();
  }

  /** The size of a file beside the content; undefined where it is not there. */
  fileSize(path: string): number | undefined {
    return this.#table.files.get(path)?.size;
  }

  /** Opens a part of a file beside the content, from an offset on. */
  async openFile(
    path: string,
    part: { readonly offset: number; readonly size: number },
  ): Promise<ByteReader> {
    return await openFileOf(
      this.#files,
      this.#path,
      this.#table.files.get(path),
      part,
      `${this.name} has no ${path}`,
    );
  }

  async *contents(): AsyncIterable<Content> {
    for (const [digest, { size }] of this.#table.contents) {
      yield { digest, size };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

/** Opens the content of an entry, by a file of its own. */
export async function openEntry(
  files: ArchiveFiles,
  path: string,
  entry: TarEntry | undefined,
  { digest }: Content,
  { offset, name }: { readonly offset: number; readonly name: string },
): Promise<ByteReader> {
  if (!entry) throw notThere(digest, name);
  const file = await files.read(path);
  const rest = Math.max(0, entry.size - offset);
  const part = { offset: entry.offset + offset, size: rest };
  return readPart(file, part, file);
}

/** Opens a part of a file beside the content, by a file of its own. */
export async function openFileOf(
  files: ArchiveFiles,
  path: string,
  entry: TarEntry | undefined,
  part: { readonly offset: number; readonly size: number },
  lacking: string,
): Promise<ByteReader> {
  if (!entry || part.offset + part.size > entry.size) {
    throw new HangarError("not-found", lacking);
  }
  const file = await files.read(path);
  return readPart(
    file,
    { offset: entry.offset + part.offset, size: part.size },
    file,
  );
}

/** Reads a small file of a tar whole. */
export async function readEntry(
  file: RandomAccess,
  entry: TarEntry | undefined,
  { limit, name }: { readonly limit: number; readonly name: string },
): Promise<Uint8Array | undefined> {
  if (!entry) return undefined;
  if (entry.size > limit) {
    throw new HangarError(
      "too-large",
      `${name}: ${entry.name} has ${entry.size} bytes, the limit is ${limit}`,
    );
  }
  return await readWholePart(file, entry, `${name}: ${entry.name}`);
}

/** The error for content that an archive lacks. */
export function notThere(digest: Digest, name: string): HangarError {
  return new HangarError("not-found", `${name} does not hold ${digest}`, {
    status: 404,
  });
}
