/**
 * Headers of tar entries: ustar, with pax records where ustar ends (POSIX
 * pax(1), "ustar Interchange Format" and "pax Interchange Format").
 *
 * @module
 */

import { HangarError } from "../../errors.ts";

/** Headers and content begin at multiples of this, in bytes. */
export const BLOCK_BYTES = 512;

/** Two blocks of zeros end a tar. */
export const END_BYTES = 2 * BLOCK_BYTES;

/** The largest size that the octal field of ustar holds, in bytes. */
const MAX_OCTAL_SIZE = 0o77777777777;

/** The longest name that is written without a pax record, in bytes. */
const MAX_NAME_BYTES = 100;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A header, as it is read. */
export interface TarHeader {
  readonly name: string;
  /** Of the content, in bytes. */
  readonly size: number;
  /** The type flag; "0" for a plain file. */
  readonly type: string;
}

/** A size, rounded up to whole blocks. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

/**
 * The header of a plain file. All numbers but the size are fixed, so that equal
 * archives have equal bytes.
 */
export function encodeHeader(name: string, size: number): Uint8Array {
  const nameBytes = encoder.encode(name);
  const records = [
    ...(nameBytes.length > MAX_NAME_BYTES ? [paxRecord("path", name)] : []),
    ...(size > MAX_OCTAL_SIZE ? [paxRecord("size", `${size}`)] : []),
  ];
  const main = encodeBlock(
    nameBytes.subarray(0, MAX_NAME_BYTES),
    // Readers that know pax take the size from the record.
    size > MAX_OCTAL_SIZE ? 0 : size,
    "0",
  );
  if (records.length === 0) return main;
  const pax = encoder.encode(records.join(""));
  const bytes = new Uint8Array(BLOCK_BYTES + padded(pax.length) + BLOCK_BYTES);
  bytes.set(encodeBlock(encoder.encode("pax"), pax.length, "x"));
  bytes.set(pax, BLOCK_BYTES);
  bytes.set(main, bytes.length - BLOCK_BYTES);
  return bytes;
}

/** How long the header of a plain file is, in bytes. */
export function headerBytes(name: string, size: number): number {
  return encodeHeader(name, size).length;
}

/** `LENGTH KEY=VALUE\n`, in which the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const restBytes = encoder.encode(rest).length;
  let length = restBytes + 1;
  while (`${length}`.length + restBytes !== length) length++;
  return `${length}${rest}`;
}

function encodeBlock(
  name: Uint8Array,
  size: number,
  type: string,
): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (text: string, at: number) => block.set(encoder.encode(text), at);
  const octal = (value: number, width: number) =>
    `${value.toString(8).padStart(width - 1, "0")}\0`;
  block.set(name, 0);
  put(octal(0o644, 8), 100);
  put(octal(0, 8), 108);
  put(octal(0, 8), 116);
  put(octal(size, 12), 124);
  put(octal(0, 12), 136);
  put(type, 156);
  put("ustar\x0000", 257);
  put(octal(0, 8), 329);
  put(octal(0, 8), 337);
  put(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** The sum of all bytes, in which the field of the sum counts as blanks. */
function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) {
    sum += i >= 148 && i < 156 ? 32 : block[i]!;
  }
  return sum;
}

/** Whether a block consists of zeros. */
export function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}

/** Whether a block is that of a header, by its checksum. */
export function isHeader(block: Uint8Array): boolean {
  const field = decoder.decode(block.subarray(148, 156));
  return parseOctal(field.split("\0", 1)[0]!) === checksum(block);
}

/**
 * Reads the block of a header.
 *
 * @param what the archive and the place in it, for errors
 * @throws {HangarError} `invalid-archive` for what is no header
 */
export function decodeBlock(block: Uint8Array, what: string): TarHeader {
  const field = (from: number, length: number) => {
    const bytes = block.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  if (!isHeader(block)) {
    throw new HangarError(
      "invalid-archive",
      `${what} is not the header of a tar entry: the archive is damaged`,
    );
  }
  const prefix = field(257, 5) === "ustar" ? field(345, 155) : "";
  const name = field(0, 100);
  const type = field(156, 1);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: sizeIn(block.subarray(124, 136), what),
    type: type === "" ? "0" : type,
  };
}

function parseOctal(text: string): number | undefined {
  const trimmed = text.trim();
  return /^[0-7]+$/.test(trimmed) ? parseInt(trimmed, 8) : undefined;
}

/** The size field: octal, or binary as GNU tar writes what is too large. */
function sizeIn(field: Uint8Array, what: string): number {
  let size: number | undefined;
  if (field[0] === 0x80) {
    size = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  } else {
    const end = field.indexOf(0);
    size = parseOctal(
      decoder.decode(end < 0 ? field : field.subarray(0, end)),
    );
  }
  return checkedSize(size, what);
}

function checkedSize(size: number | undefined, what: string): number {
  if (size !== undefined && Number.isSafeInteger(size) && size >= 0) {
    return size;
  }
  throw new HangarError(
    "invalid-archive",
    `${what} has no valid size: the archive is damaged`,
  );
}

/** What pax records say of the entry that follows them. */
export interface PaxRecords {
  readonly path?: string;
  /** In bytes. */
  readonly size?: number;
}

/**
 * Reads pax records.
 *
 * @throws {HangarError} `invalid-archive`
 */
export function decodePax(bytes: Uint8Array, what: string): PaxRecords {
  let path: string | undefined;
  let size: number | undefined;
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const blank = bytes.indexOf(0x20, at);
    const length = Number(
      decoder.decode(bytes.subarray(at, Math.max(blank, at))),
    );
    const end = at + length;
    if (!(blank > at && length > 0 && end > blank && end <= bytes.length)) {
      throw new HangarError(
        "invalid-archive",
        `${what} has broken pax records: the archive is damaged`,
      );
    }
    const [key, value] = splitRecord(
      decoder.decode(bytes.subarray(blank + 1, end - 1)),
    );
    if (key === "path") path = value;
    if (key === "size") {
      size = checkedSize(/^\d+$/.test(value) ? Number(value) : undefined, what);
    }
    at = end;
  }
  return { path, size };
}

function splitRecord(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals < 0
    ? [text, ""]
    : [text.slice(0, equals), text.slice(equals + 1)];
}
