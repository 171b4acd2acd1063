/**
 * The files in a zip: where they are, and their content as a stream. Names are
 * keys and never paths.
 *
 * @module
 */

import yauzl, { type Entry, type ZipFile as Directory } from "yauzl";
import type { ByteReader } from "../../bytes.ts";
import { HangarError } from "../../errors.ts";
import {
  type RandomAccess,
  readPart,
  readWholePart,
} from "../random_access.ts";
import { inflated } from "./inflate.ts";

/** The most files in a zip. Real archives have some ten thousand. */
const MAX_FILES = 500_000;

/** How much of the directory is read at once, in bytes. */
const WINDOW = 256 * 1024;

/** Methods that files are stored by (APPNOTE 4.4.5). */
const STORED = 0;
const DEFLATED = 8;

/** A file of a zip. */
interface ZipEntry extends
  Pick<
    Entry,
    | "compressionMethod"
    | "compressedSize"
    | "uncompressedSize"
    | "relativeOffsetOfLocalHeader"
  > {
  readonly isEncrypted: boolean;
  readonly isLink: boolean;
}

/** The files of a zip that have a wanted name. */
export class ZipFile {
  readonly #access: RandomAccess;
  readonly #directory: Directory;
  readonly #entries: ReadonlyMap<string, ZipEntry>;
  /** Names that more than one file has. */
  readonly #repeated: ReadonlySet<string>;

  private constructor(
    access: RandomAccess,
    directory: Directory,
    entries: ReadonlyMap<string, ZipEntry>,
    repeated: ReadonlySet<string>,
  ) {
    this.#access = access;
    this.#directory = directory;
    this.#entries = entries;
    this.#repeated = repeated;
  }

  /**
   * Reads the directory of a zip, which is at its end.
   *
   * @param isWanted which names are kept; the others are never looked at
   * @throws {HangarError} `invalid-archive` when it is no zip, or not a whole one
   */
  static async open(
    access: RandomAccess,
    isWanted: (name: string) => boolean,
  ): Promise<ZipFile> {
    const entries = new Map<string, ZipEntry>();
    const repeated = new Set<string>();
    try {
      const directory = await yauzl.fromRandomAccessReaderPromise(
        new WindowReader(access),
        access.size,
        { autoClose: false, decodeStrings: false, validateEntrySizes: false },
      );
      if (directory.entryCount > MAX_FILES) {
        throw new HangarError(
          "too-large",
          `it holds ${directory.entryCount} files, the limit is ${MAX_FILES}`,
        );
      }
      for await (const entry of directory.eachEntry()) {
        const name = nameOf(entry);
        if (!isWanted(name)) continue;
        // Go takes the first one too.
        if (entries.has(name)) repeated.add(name);
        else entries.set(name, keptOf(entry));
      }
      return new ZipFile(access, directory, entries, repeated);
    } catch (cause) {
      if (cause instanceof HangarError) throw cause;
      throw new HangarError("invalid-archive", "it is not a whole zip file", {
        cause,
        hint: "copy it again, and compare its checksum on both sides",
      });
    }
  }

  /** The names that were wanted and are there, in the order of the directory. */
  names(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Whether there are several files of one name, which readers may take for each other. */
  isRepeated(name: string): boolean {
    return this.#repeated.has(name);
  }

  /** How many bytes a file has; undefined when it is not there. */
  sizeOf(name: string): number | undefined {
    return this.#entries.get(name)?.uncompressedSize;
  }

  /**
   * Opens the content of a file, from an offset on. Where the zip was cut off it
   * ends early, and what inflates to more than the directory says fails.
   *
   * @throws {HangarError} `not-found`, or `content-mismatch` when it cannot be
   * read
   */
  async open(name: string, offset = 0): Promise<ByteReader> {
    const entry = this.#entries.get(name);
    if (!entry) throw new HangarError("not-found", `${name} is not in it`);
    const refusal = refusalOf(entry);
    if (refusal !== undefined) {
      throw new HangarError("content-mismatch", `${name} ${refusal}`);
    }
    const start = await this.#startOf(name, entry);
    const part = (from: number) =>
      readPart(this.#access, {
        offset: start + from,
        size: entry.compressedSize - from,
      });
    const size = entry.uncompressedSize;
    return entry.compressionMethod === STORED
      ? part(offset)
      : await inflated(part(0), { name, size, offset });
  }

  /** Where the content of a file begins: behind a header of its own. */
  async #startOf(name: string, entry: ZipEntry): Promise<number> {
    try {
      const header = await this.#directory.readLocalFileHeaderPromise(entry, {
        minimal: true,
      });
      return header.fileDataStart;
    } catch (cause) {
      throw new HangarError(
        "content-mismatch",
        `${name} is not where the directory of the zip has it`,
        { cause },
      );
    }
  }
}

/** The name of a file; zips made on Windows may have backslashes. */
function nameOf({ fileNameRaw }: Entry): string {
  return new TextDecoder("latin1").decode(fileNameRaw).replaceAll("\\", "/");
}

function keptOf(entry: Entry): ZipEntry {
  const mode = entry.externalFileAttributes >>> 16;
  return {
    compressionMethod: entry.compressionMethod,
    compressedSize: entry.compressedSize,
    uncompressedSize: entry.uncompressedSize,
    relativeOffsetOfLocalHeader: entry.relativeOffsetOfLocalHeader,
    isEncrypted: (entry.generalPurposeBitFlag & 1) !== 0,
    // S_IFLNK; where the zip was not made on a Unix, the bits mean nothing, and
    // 0 is what they are.
    isLink: (mode & 0o170000) === 0o120000,
  };
}

function refusalOf(entry: ZipEntry): string | undefined {
  const { compressionMethod: method } = entry;
  if (entry.isLink) return "is a link";
  if (entry.isEncrypted) return "is encrypted";
  if (method !== STORED && method !== DEFLATED) {
    return `is compressed by method ${method}, which hangar does not read`;
  }
  if (method === STORED && entry.compressedSize !== entry.uncompressedSize) {
    return "has two sizes";
  }
  return undefined;
}

/** Gives yauzl its small pieces of the directory out of larger ones. */
class WindowReader extends yauzl.RandomAccessReader {
  readonly #access: RandomAccess;
  #at = 0;
  #window: Uint8Array = new Uint8Array(0);

  constructor(access: RandomAccess) {
    super();
    this.#access = access;
  }

  override read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
    callback: (error: unknown, count?: number) => void,
  ): void {
    this.#bytes(position, length).then(
      (bytes) => {
        buffer.set(bytes, offset);
        callback(null, length);
      },
      (error) => callback(error),
    );
  }

  async #bytes(position: number, length: number): Promise<Uint8Array> {
    const { size } = this.#access;
    if (position + length > size) {
      throw new HangarError("invalid-archive", "it ends in the middle");
    }
    const from = position - this.#at;
    if (from < 0 || from + length > this.#window.byteLength) {
      this.#window = await readWholePart(this.#access, {
        offset: position,
        size: Math.max(length, Math.min(WINDOW, size - position)),
      }, "the directory of the zip");
      this.#at = position;
    }
    const start = position - this.#at;
    return this.#window.subarray(start, start + length);
  }
}
