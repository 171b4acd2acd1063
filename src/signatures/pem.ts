/**
 * PEM, the format of keys and certificates (RFC 7468).
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../base64.ts";

/** One block. */
export interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array;
}

const BLOCK =
  /-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]*)-----END \1-----/g;

/** The blocks of a text. Other text is ignored. */
export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(BLOCK)].map(([, label = "", base64 = ""]) => ({
    label,
    bytes: contentOf(base64),
  }));
}

/** A damaged block has no content, so that its reader refuses it. */
function contentOf(base64: string): Uint8Array {
  try {
    return decodeBase64(base64);
  } catch {
    return new Uint8Array();
  }
}

/** The content of a text with one block; undefined for other texts. */
export function pemBytes(text: string): Uint8Array | undefined {
  const blocks = pemBlocks(text);
  return blocks.length === 1 ? blocks[0]!.bytes : undefined;
}

/** A block as text. */
export function toPem({ label, bytes }: PemBlock): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""]
    .join("\n");
}
