/**
 * Zips as Go's archive/zip writes them: sizes and checksums behind the content,
 * and in the directory at the end.
 *
 * @module
 */

import { crc32, deflateRawSync } from "node:zlib";

/** A file of a zip, and what its headers claim. */
export interface ZippedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** @default {false} */
  readonly deflate?: boolean;
  /** What the directory says of its size. @default {its size} */
  readonly claimedSize?: number;
  /** The method that the directory names. @default {the one used} */
  readonly claimedMethod?: number;
  /** Unix mode, such as that of a link. @default {none} */
  readonly mode?: number;
  /** General purpose flags besides those of the writer. @default {0} */
  readonly flags?: number;
}

/** Options of {@linkcode writeZip}. */
export interface ZipOptions {
  /** Writes sizes, offsets and counts in their 64-bit form. @default {false} */
  readonly zip64?: boolean;
}

function record(fields: readonly (readonly [number, number | bigint])[]) {
  const bytes = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, Number(value), true);
    else if (size === 4) view.setUint32(at, Number(value), true);
    else view.setBigUint64(at, BigInt(value), true);
    at += size;
  }
  return bytes;
}

const MAX16 = 0xffff;
const MAX32 = 0xffffffff;

/** Writes a zip. */
export function writeZip(
  files: readonly ZippedFile[],
  { zip64 = false }: ZipOptions = {},
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let at = 0;
  const push = (...pieces: readonly Uint8Array[]) => {
    for (const piece of pieces) {
      parts.push(piece);
      at += piece.byteLength;
    }
  };
  const directory = files.map((file) => {
    const name = new TextEncoder().encode(file.name);
    const content = file.deflate
      ? new Uint8Array(deflateRawSync(file.bytes))
      : file.bytes;
    const method = file.claimedMethod ?? (file.deflate ? 8 : 0);
    const flags = 8 | (file.flags ?? 0);
    const crc = crc32(file.bytes);
    const size = file.claimedSize ?? file.bytes.byteLength;
    const packed = file.claimedSize !== undefined && !file.deflate
      ? size
      : content.byteLength;
    const offset = at;
    push(
      record([
        [4, 0x04034b50],
        [2, 20],
        [2, flags],
        [2, method],
        [4, 0],
        [4, 0],
        [4, 0],
        [4, 0],
        [2, name.byteLength],
        [2, 0],
      ]),
      name,
      content,
      record([
        [4, 0x08074b50],
        [4, crc],
        [zip64 ? 8 : 4, packed],
        [zip64 ? 8 : 4, size],
      ]),
    );
    const extra = zip64
      ? record([[2, 1], [2, 24], [8, size], [8, packed], [8, offset]])
      : new Uint8Array(0);
    return [
      record([
        [4, 0x02014b50],
        [2, file.mode === undefined ? 20 : (3 << 8) | 20],
        [2, 20],
        [2, flags],
        [2, method],
        [4, 0],
        [4, crc],
        [4, zip64 ? MAX32 : packed],
        [4, zip64 ? MAX32 : size],
        [2, name.byteLength],
        [2, extra.byteLength],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, (file.mode ?? 0) * 65536],
        [4, zip64 ? MAX32 : offset],
      ]),
      name,
      extra,
    ];
  });
  const start = at;
  for (const record of directory) push(...record);
  const size = at - start;
  if (zip64) {
    const end = at;
    push(
      record([
        [4, 0x06064b50],
        [8, 44],
        [2, 45],
        [2, 45],
        [4, 0],
        [4, 0],
        [8, files.length],
        [8, files.length],
        [8, size],
        [8, start],
      ]),
      record([[4, 0x07064b50], [4, 0], [8, end], [4, 1]]),
    );
  }
  push(record([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, zip64 ? MAX16 : files.length],
    [2, zip64 ? MAX16 : files.length],
    [4, zip64 ? MAX32 : size],
    [4, zip64 ? MAX32 : start],
    [2, 0],
  ]));
  const bytes = new Uint8Array(at);
  let filled = 0;
  for (const part of parts) {
    bytes.set(part, filled);
    filled += part.byteLength;
  }
  return bytes;
}
