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
import {
  ArchiveImages,
  isAttachment,
  nameOfEntry,
} from "../../layout/archive_images.ts";
import type { ArchiveEntry } from "../../layout/archive_index.ts";
import { formatReference } from "../../names/reference.ts";
import type { OpenArchive } from "./open_archive.ts";

/** The entries of an archive that are images of their own. */
export async function imagesOf(
  archive: OpenArchive,
): Promise<readonly ArchiveEntry[]> {
  if (!archive.record) return await ArchiveImages.of(archive).images();
  // hangar's own archives name all images; what has no name is a referrer.
  return archive.index.entries.filter((entry) =>
    (entry.reference || entry.bareTag !== undefined) && !isAttachment(entry)
  );
}

/**
 * All images that an archive names. Signatures and lists of referrers come
 * along with their images, so they are not images of their own.
 */
export async function listOf(archive: OpenArchive): Promise<ImageList> {
  const { medium, refused = [] } = archive;
  const entries: ListEntry[] = [];
  const invalid: InvalidLine[] = [];
  let line = 0;
  for (const entry of await imagesOf(archive)) {
    const { reference } = entry;
    if (!reference) {
      const text = nameOfEntry(entry);
      invalid.push({
        line: ++line,
        text: `# ${text}`,
        reason:
          `${text} has no repository in the archive: name it in a list (--file), as NAME:TAG or NAME@DIGEST`,
      });
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
