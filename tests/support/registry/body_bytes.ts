/**
 * Bytes as the body of a response.
 *
 * @module
 */

/** The same bytes, without a copy where their buffer is not shared. */
export function bodyBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : new Uint8Array(bytes);
}
