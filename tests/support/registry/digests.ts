/**
 * Digests, as registries check them.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { sha256 } from "../images.ts";

const DIGEST = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether a text is a digest that registries know. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** The digest of some bytes, by the algorithm of another digest. */
export function digestLike(digest: string, bytes: Uint8Array): string {
  return digest.startsWith("sha512:")
    ? `sha512:${createHash("sha512").update(bytes).digest("hex")}`
    : sha256(bytes);
}
