/**
 * The images of an archive as a list.
 *
 * @module
 */

import { describeError } from "../../errors.ts";
import type {
  ImageList,
  InvalidLine,
  ListEntry,
} from "../../lists/image_list.ts";
import { formatReference } from "../../names/reference.ts";
import { isAttachmentTag, isFallbackTag } from "../../oci/attachment.ts";
import type { OpenArchive } from "./open_archive.ts";

/**
 * All images that an archive names. Signatures and lists of referrers come
 * along with their images, so they are not images of their own.
 */
export function listOf(
  { index, medium, record, refused = [] }: Pick<
    OpenArchive,
    "index" | "medium" | "record" | "refused"
  >,
): ImageList {
  const entries: ListEntry[] = [];
  const invalid: InvalidLine[] = [];
  let line = 0;
  for (const { reference, bareTag, descriptor } of index.entries) {
    if (!reference) {
      // hangar's own archives name all images; the others are referrers.
      if (record && bareTag === undefined) continue;
      const text = bareTag ?? descriptor.digest;
      invalid.push({
        line: ++line,
        text: `# ${text}`,
        reason:
          `${text} has no repository in the archive: name it in a list (--file), as NAME:TAG or NAME@DIGEST`,
      });
      continue;
    }
    const { tag } = reference;
    if (tag !== undefined && (isAttachmentTag(tag) || isFallbackTag(tag))) {
      continue;
    }
    entries.push({
      line: ++line,
      text: formatReference(reference),
      ordinal: entries.length + 1,
      source: reference,
    });
  }
  for (const { name, error } of refused) {
    const reason = `${name}: ${describeError(error)}`;
    invalid.push({ line: ++line, text: `# ${name}`, reason });
  }
  return { name: medium.name, entries, invalid };
}
