/**
 * The entries of a tar, from its headers alone. Nothing of them becomes a path.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { type RandomAccess, readWholePart } from "../random_access.ts";
import {
  BLOCK_BYTES,
  decodeBlock,
  decodePax,
  isZero,
  padded,
  type PaxRecords,
  type TarHeader,
} from "./tar_header.ts";

/** A plain file in a tar. */
export interface TarEntry {
  readonly name: string;
  /** Where its header begins, in bytes. */
  readonly at: number;
  /** Where its content begins. */
  readonly offset: number;
  /** Of its content. */
  readonly size: number;
}

/** What a tar consists of. */
export interface TarScan {
  readonly entries: readonly TarEntry[];
  /** Where the last entry ends, with its padding. */
  readonly end: number;
  /** Whether the two blocks of zeros stand there that end a tar. */
  readonly isEnded: boolean;
}

/** More entries than an archive of 100,000 images has. */
const MAX_ENTRIES = 4_000_000;

/** The most that pax records or a long name may take, in bytes. */
const MAX_EXTENSION_BYTES = 64 * 1024;

const TYPES: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a character device",
  "4": "a block device",
  "6": "a FIFO",
};

/**
 * Reads the headers of a tar.
 *
 * @param options.name what the archive is called in errors
 * @param options.from where to begin, in bytes
 * @param options.isCut whether it may end in the middle of an entry, or in
 * something else than an entry, as a run that was killed leaves it
 * @throws {HangarError} `invalid-archive`
 */
export async function scanTar(
  file: RandomAccess,
  { name, from = 0, isCut = false }: {
    readonly name: string;
    readonly from?: number;
    readonly isCut?: boolean;
  },
): Promise<TarScan> {
  const entries: TarEntry[] = [];
  let at = from;
  let start = at;
  let pax: PaxRecords = {};
  const block = new Uint8Array(BLOCK_BYTES);
  while (true) {
    const what = `${name}: byte ${at}`;
    const count = await file.read(at, block);
    if (count < BLOCK_BYTES) return { entries, end: start, isEnded: false };
    if (isZero(block)) {
      const next = await file.read(at + BLOCK_BYTES, block);
      const isEnded = next === BLOCK_BYTES && isZero(block);
      return { entries, end: start, isEnded };
    }
    const header = isCut ? decodeLeft(block) : decodeBlock(block, what);
    if (!header) return { entries, end: start, isEnded: false };
    const offset = at + BLOCK_BYTES;
    const extension = await readExtension(file, header, offset, what);
    if (extension) {
      pax = { ...pax, ...extension };
      at = offset + padded(header.size);
      continue;
    }
    const size = pax.size ?? header.size;
    const end = offset + padded(size);
    if (offset + size > file.size && !isCut) {
      throw new HangarError(
        "invalid-archive",
        `${name} ends within ${
          JSON.stringify((pax.path ?? header.name).slice(0, 160))
        }, at byte ${file.size}: it is not whole`,
        { hint: "copy it once more from where it was made" },
      );
    }
    checkType(header, name);
    if (isFile(header)) {
      if (entries.length >= MAX_ENTRIES) {
        throw new HangarError(
          "too-large",
          `${name} has more than ${MAX_ENTRIES} entries`,
        );
      }
      const path = (pax.path ?? header.name).replace(/^(?:\.\/)+/, "");
      entries.push({ name: path, at: start, offset, size });
    }
    at = end;
    start = at;
    pax = {};
  }
}

/** The header in what a run has left; undefined where it is none. */
function decodeLeft(block: Uint8Array): TarHeader | undefined {
  try {
    return decodeBlock(block, "");
  } catch {
    return undefined;
  }
}

function isFile({ type }: TarHeader): boolean {
  return type === "0" || type === "7";
}

/** Directories and what else describes nothing are passed over. */
function checkType({ type, name: entry }: TarHeader, name: string): void {
  const what = TYPES[type] ?? (type === "S" ? "a sparse file" : undefined);
  if (what === undefined) return;
  throw new HangarError(
    "invalid-archive",
    `${name}: ${
      JSON.stringify(entry.slice(0, 160))
    } is ${what}, which an archive of images does not have`,
  );
}

/** What an entry says of the next one; undefined for any other entry. */
async function readExtension(
  file: RandomAccess,
  { type, size }: TarHeader,
  offset: number,
  what: string,
): Promise<PaxRecords | undefined> {
  if (type !== "x" && type !== "L" && type !== "K") return undefined;
  if (size > MAX_EXTENSION_BYTES) {
    throw new HangarError(
      "invalid-archive",
      `${what}: the header of an entry takes ${size} bytes`,
    );
  }
  const bytes = await readWholePart(file, { offset, size }, what);
  if (type === "x") {
    const { path, size } = decodePax(bytes, what);
    return {
      ...(path !== undefined && { path }),
      ...(size !== undefined && { size }),
    };
  }
  if (type === "K") return {};
  const end = bytes.indexOf(0);
  return {
    path: new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end)),
  };
}
