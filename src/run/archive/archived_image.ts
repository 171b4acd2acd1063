/**
 * One image of an archive, by the name that the user gives.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { isAttachment, nameOfEntry } from "../../layout/archive_images.ts";
import type { ArchiveEntry } from "../../layout/archive_index.ts";
import type { ArchiveFiles } from "../../layout/files.ts";
import {
  formatReference,
  parseReference,
  type Reference,
} from "../../names/reference.ts";
import type { ArchiveSource } from "../run_mirror.ts";
import { archiveSource } from "./archive_source.ts";
import { imagesOf } from "./archive_list.ts";
import { type OpenArchive, openArchive } from "./open_archive.ts";

/** An image of an archive that is open. */
export interface ArchivedImage extends AsyncDisposable {
  /** By which the archive's store finds it. */
  readonly source: Reference;
  readonly from: ArchiveSource;
}

/** The repository of images whose archive names none. */
const NO_REPOSITORY = { registry: "localhost", repository: "archive" };

/**
 * Opens an archive for one of its images.
 *
 * @param name a tag, or a whole reference; without it there must be one image
 * @throws {HangarError} `not-found` or `usage`, and what opening throws
 */
export async function openArchivedImage(
  files: ArchiveFiles,
  path: string,
  name: string | undefined,
): Promise<ArchivedImage> {
  const archive = await openArchive(files, path);
  try {
    const source = sourceOf(await find(archive, name, path));
    return {
      source,
      from: archiveSource(archive, "copy"),
      [Symbol.asyncDispose]: async () => await archive[Symbol.asyncDispose](),
    };
  } catch (error) {
    await archive[Symbol.asyncDispose]();
    throw error;
  }
}

async function find(
  archive: OpenArchive,
  name: string | undefined,
  path: string,
): Promise<ArchiveEntry> {
  const images = await imagesOf(archive);
  const found = name === undefined
    ? images
    : archive.index.entries.filter((entry) =>
      isNamed(entry, name) && !isAttachment(entry)
    );
  const [first, ...more] = found;
  if (first && more.length === 0) return first;
  const names = images.map(nameOfEntry).slice(0, 10).join(", ");
  throw new HangarError(
    first ? "usage" : "not-found",
    `${path} holds ${found.length} images${
      name === undefined ? "" : ` that ${JSON.stringify(name)} names`
    }: there is ${names || "nothing"}`,
    { hint: "name one of them behind the path, as PATH:REF" },
  );
}

function isNamed(entry: ArchiveEntry, name: string): boolean {
  const { reference, bareTag } = entry;
  if (name === bareTag || name === reference?.tag) return true;
  if (!reference) return name === entry.descriptor.digest;
  try {
    return formatReference(parseReference(name)) === formatReference(reference);
  } catch {
    return false;
  }
}

function sourceOf({ reference, bareTag, descriptor }: ArchiveEntry): Reference {
  if (reference) return reference;
  return bareTag === undefined
    ? { ...NO_REPOSITORY, digest: descriptor.digest }
    : { ...NO_REPOSITORY, tag: bareTag };
}
