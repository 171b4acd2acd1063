/**
 * An OCI image layout in one tar, to be written. Each piece of content gets its
 * place as soon as its size is known, so several are written side by side. Its
 * entry has another name until it is whole: so the tar itself says, after a run
 * was killed, what is there.
 *
 * @module
 */

import type { ByteReader } from "../../bytes.ts";
import { HangarError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ArchiveFile, ArchiveFiles } from "../files.ts";
import { IncomingFile } from "../incoming_file.ts";
import {
  type Content,
  contentPath,
  LAYOUT_FILE,
  OWN_DIRECTORY,
  PARTS_DIRECTORY,
} from "../content.ts";
import type { ArchiveFileSet, IncomingContent, Medium } from "../medium.ts";
import { hideReplaced, showAppended, writeEnd } from "./tar_end.ts";
import { TarSpace } from "./tar_space.ts";
import { scanTar, type TarEntry } from "./scan_tar.ts";
import { encodeHeader, END_BYTES, headerBytes, padded } from "./tar_header.ts";
import {
  checkTar,
  openEntry,
  openFileOf,
  readEntry,
  TarTable,
} from "./tar_reader.ts";

/** The prefix of content that is not whole yet. */
const INCOMING = `${OWN_DIRECTORY}/new/`;

/** Where an entry is. */
interface Slot {
  /** Its name when it is whole. */
  readonly name: string;
  readonly at: number;
  /** How long its header is, in bytes. */
  readonly header: number;
  /** Of its content, in bytes. */
  readonly size: number;
}

/** How a tar is written. */
interface TarTarget {
  /** The file that is written. */
  readonly path: string;
  /** Its name when it is complete; undefined where it has that name already. */
  readonly finalPath?: string;
  /**
   * Where the tar ends for readers until the commit; undefined where there is no
   * tar yet.
   */
  readonly endAt?: number;
  /** Its size before this run, in bytes. */
  readonly size: number;
}

/** The path of a tar that is not complete. */
export function partialPath(path: string): string {
  return `${path}.partial`;
}

/** Writes a tar. */
export class TarMedium implements Medium {
  readonly name: string;
  readonly #files: ArchiveFiles;
  readonly #file: ArchiveFile;
  readonly #target: TarTarget;
  readonly #table: TarTable;
  readonly #space: TarSpace;
  /** What is whole since this run or one that was killed, and not committed. */
  readonly #found: readonly Content[];

  private constructor(options: {
    readonly name: string;
    readonly files: ArchiveFiles;
    readonly file: ArchiveFile;
    readonly target: TarTarget;
    readonly table: TarTable;
    readonly space: TarSpace;
    readonly found: readonly Content[];
  }) {
    this.name = options.name;
    this.#files = options.files;
    this.#file = options.file;
    this.#target = options.target;
    this.#table = options.table;
    this.#space = options.space;
    this.#found = options.found;
  }

  /**
   * Begins a tar, or goes on with one that a run has left incomplete beside it.
   *
   * @throws {HangarError} `file`, `invalid-archive`
   */
  static async begin(files: ArchiveFiles, path: string): Promise<TarMedium> {
    const partial = partialPath(path);
    const isThere = await files.look(partial) !== undefined;
    const file = isThere
      ? await files.change(partial)
      : await files.create(partial);
    return await opened(file, async () => {
      const target = { path: partial, finalPath: path, size: file.size };
      return await TarMedium.#open(files, file, path, target, new TarTable());
    });
  }

  /**
   * Opens a complete tar to add to it.
   *
   * @throws {HangarError} `file`, `invalid-archive`
   */
  static async append(files: ArchiveFiles, path: string): Promise<TarMedium> {
    const file = await files.change(path);
    return await opened(file, async () => {
      await checkTar(file, path);
      const { entries, end, isEnded } = await scanTar(file, { name: path });
      if (!isEnded) {
        throw new HangarError(
          "invalid-archive",
          `${path} ends early, at byte ${end}: it is not whole`,
          { hint: "copy it once more from where it was made" },
        );
      }
      const target = { path, endAt: end, size: file.size };
      const table = new TarTable().add(entries);
      return await TarMedium.#open(files, file, path, target, table);
    });
  }

  static async #open(
    files: ArchiveFiles,
    file: ArchiveFile,
    name: string,
    target: TarTarget,
    table: TarTable,
  ): Promise<TarMedium> {
    const from = target.endAt === undefined ? 0 : target.endAt + END_BYTES;
    const left = await scanTar(file, { name, from, isCut: true });
    const space = new TarSpace(file, left.end);
    const found: Content[] = [];
    for (const entry of left.entries) {
      const content = wholeContent(entry, file.size);
      if (content && !table.contents.has(content.digest)) {
        table.add([entry]);
        found.push(content);
      } else if (isWholePart(entry, file.size)) table.add([entry]);
      else space.give(entry.at, lengthOf(entry));
    }
    return new TarMedium({ name, files, file, target, table, space, found });
  }

  async *leftovers(): AsyncIterable<Content> {
    yield* this.#found;
  }

  async forget(digest: Digest): Promise<void> {
    const entry = this.#table.contents.get(digest);
    if (!entry) return;
    this.#table.contents.delete(digest);
    await this.#space.release(entry.at, lengthOf(entry));
  }

  sizeOf(digest: Digest): Promise<number | undefined> {
    return Promise.resolve(this.#table.contents.get(digest)?.size);
  }

  async open(content: Content, offset: number): Promise<ByteReader> {
    return await openEntry(
      this.#files,
      this.#target.path,
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

  async *contents(): AsyncIterable<Content> {
    for (const [digest, { size }] of this.#table.contents) {
      yield { digest, size };
    }
  }

  cost(content: Iterable<Content>): number {
    let sum = 0;
    for (const { digest, size } of content) {
      sum += headerBytes(contentPath(digest), size) + padded(size);
    }
    return Math.max(0, sum - this.spare);
  }

  /**
   * What the tar takes on the disk for content that it may yet get, in bytes.
   * What a run has left may have holes, which take room when they are filled.
   */
  get spare(): number {
    const { size, allocated } = this.#file;
    return this.#space.unused - (size - allocated);
  }

  async free(): Promise<number> {
    return await this.#files.free(this.#target.path);
  }

  async begin(content: Content): Promise<IncomingContent> {
    const { digest, size } = content;
    return await this.beginEntry(contentPath(digest), size);
  }

  /** Begins to write an entry of another name than that of whole content. */
  async beginEntry(name: string, size: number): Promise<IncomingContent> {
    const header = encodeHeader(incomingName(name), size);
    const length = header.length + padded(size);
    const at = await this.#space.take(length, header);
    const slot: Slot = { name, size, at, header: header.length };
    const file = await this.#files.change(this.#target.path).catch(
      async (error) => {
        await this.#space.release(at, length);
        throw error;
      },
    );
    return new IncomingFile({
      file,
      at: at + header.length,
      size,
      padding: padded(size) - size,
      name,
      keep: () => this.#keep(slot),
      drop: () => this.#space.release(at, length),
    });
  }

  /** The size of a file beside the content; undefined where it is not there. */
  fileSize(path: string): number | undefined {
    return this.#table.files.get(path)?.size;
  }

  /** The names of the files beside the content. */
  get fileNames(): readonly string[] {
    return [...this.#table.files.keys()];
  }

  /** Opens a part of a file beside the content. */
  async openFile(
    path: string,
    part: { readonly offset: number; readonly size: number },
  ): Promise<ByteReader> {
    return await openFileOf(
      this.#files,
      this.#target.path,
      this.#table.files.get(path),
      part,
      `${this.name} has no ${path}`,
    );
  }

  /** Gives up a file beside the content. */
  async forgetFile(path: string): Promise<void> {
    const entry = this.#table.files.get(path);
    if (!entry) return;
    this.#table.files.delete(path);
    await this.#space.release(entry.at, lengthOf(entry));
  }

  async #keep({ name, size, at, header }: Slot): Promise<void> {
    await this.#file.write(at, encodeHeader(name, size));
    this.#table.add([{ name, at, offset: at + header, size }]);
  }

  async commit(files: ArchiveFileSet): Promise<void> {
    const { finalPath, path } = this.#target;
    const old = this.#table.files.get("index.json");
    for (const digest of files.unused) await this.forget(digest);
    await this.#space.seal();
    await writeEnd(this.#file, this.#space.end, [
      [files.recordPath, files.record()],
      ...(finalPath === undefined
        ? []
        : [["oci-layout", LAYOUT_FILE] as const]),
      ["index.json", files.index],
    ]);
    await this.#file.sync();
    if (finalPath !== undefined) {
      await this.#files.rename(path, finalPath);
      return;
    }
    await showAppended(this.#file, this.#target.endAt!);
    if (old) await hideReplaced(this.#file, old);
    await this.#file.sync();
  }

  async discard(): Promise<void> {
    const { finalPath, path, size } = this.#target;
    if (finalPath === undefined) await this.#file.truncate(size);
    else if (size === 0) await this.#files.remove(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

/** The name of an entry that is not whole yet: no longer than its own. */
function incomingName(name: string): string {
  const last = name.slice(name.lastIndexOf("/") + 1);
  return `${INCOMING}${last}`;
}

/** How long an entry is, with its header and padding, in bytes. */
function lengthOf({ at, offset, size }: TarEntry): number {
  return offset + padded(size) - at;
}

/** Whether an entry is a part of some content, and whole as such. */
function isWholePart(entry: TarEntry, fileSize: number): boolean {
  return entry.name.startsWith(PARTS_DIRECTORY) &&
    entry.offset + padded(entry.size) <= fileSize;
}

/** The entry's content, where the run that began it has finished it. */
function wholeContent(
  entry: TarEntry,
  fileSize: number,
): Content | undefined {
  if (entry.offset + padded(entry.size) > fileSize) return undefined;
  const [content] = new TarTable().add([entry]).contents;
  return content && { digest: content[0], size: entry.size };
}

/** Closes the file where opening it as an archive fails. */
async function opened<T>(
  file: ArchiveFile,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}
