/**
 * Base64 (RFC 4648, section 4) as files and registries hold it, on std's.
 *
 * @module
 */

import {
  decodeBase64 as decode,
  encodeBase64 as encode,
} from "@std/encoding/base64";

/**
 * Bytes from base64, with or without padding. White space does not count: Go's
 * decoder, and so docker and cosign, passes over line breaks, and std's does not.
 *
 * @throws {TypeError | RangeError} when it is not base64
 */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return decode(text.replace(/[\t\n\f\r ]+/g, ""));
}

/** Base64, with padding and in one line; text goes as UTF-8. */
export function encodeBase64(data: Uint8Array | string): string {
  // A copy: std's detaches what `slice()` returns, and of a Buffer of Node's
  // that is the same memory.
  return encode(typeof data === "string" ? data : new Uint8Array(data));
}
