/**
 * Content, and where a layout has it (image-spec image-layout.md).
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";

/** A piece of content, by its digest. */
export interface Content {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
}

/** Where hangar keeps what only hangar reads. Other readers pass it over. */
export const OWN_DIRECTORY = ".hangar";

/** Where a volume has parts of content that is continued in others. */
export const PARTS_DIRECTORY = `${OWN_DIRECTORY}/parts/`;

/** `oci-layout` (image-spec image-layout.md). */
export const LAYOUT_FILE: Uint8Array = new TextEncoder().encode(
  `{"imageLayoutVersion":"1.0.0"}`,
);

/** The path of some content in a layout (image-spec image-layout.md). */
export function contentPath(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** The digest of the content at a path of a layout; undefined for other paths. */
export function digestAt(path: string): string | undefined {
  const match = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/.exec(path);
  return match ? `${match[1]}:${match[2]}` : undefined;
}
