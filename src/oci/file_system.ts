/**
 * Whether a layer is a file system, going by its first bytes. containers/image
 * goes by them too: it unpacks a layer whatever its media type says.
 *
 * @module
 */

/** How many of the first bytes are needed: one tar header. */
export const FILE_SYSTEM_HEAD_BYTES = 512;

// gzip, bzip2, xz, zstd (RFC 8878, 3.1.1).
const PACKED = [
  [0x1f, 0x8b],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  [0x28, 0xb5, 0x2f, 0xfd],
];
const CHECKSUM_AT = 148;
const CHECKSUM_END = 156;

/**
 * Whether content that begins with these bytes may be a file system. It is
 * compressed, or its first block is a tar header with the right checksum.
 */
export function mayBeFileSystem(head: Uint8Array): boolean {
  return PACKED.some((magic) => magic.every((byte, i) => head[i] === byte)) ||
    isTarHeader(head.subarray(0, FILE_SYSTEM_HEAD_BYTES));
}

function isTarHeader(block: Uint8Array): boolean {
  if (block.byteLength < FILE_SYSTEM_HEAD_BYTES) return false;
  const field = String.fromCharCode(
    ...block.subarray(CHECKSUM_AT, CHECKSUM_END),
  ).replace(/^[ \0]+|[ \0]+$/g, "");
  if (!/^[0-7]+$/.test(field)) return false;
  let sum = 0;
  let signedSum = 0;
  for (const [i, byte] of block.entries()) {
    const counted = i >= CHECKSUM_AT && i < CHECKSUM_END ? 0x20 : byte;
    sum += counted;
    // Old tools summed up signed characters.
    signedSum += counted < 0x80 ? counted : counted - 0x100;
  }
  const told = parseInt(field, 8);
  return told === sum || told === signedSum;
}
