/**
 * `archive ls`: the images of an archive.
 *
 * @module
 */

import { describeError } from "../../../errors.ts";
import {
  ArchiveImages,
  nameOfEntry,
  type ReadEntry,
  tagOf,
} from "../../../layout/archive_images.ts";
import type { ArchiveEntry } from "../../../layout/archive_index.ts";
import type { ArchiveFiles } from "../../../layout/files.ts";
import type { Content } from "../../../layout/content.ts";
import { isFallbackTag } from "../../../oci/attachment.ts";
import {
  archiveImages,
  archiveJson,
  archiveLine,
  type ArchiveReport,
  archiveTable,
  type ListedArchiveImage,
} from "../../../report/archive_report.ts";
import { ExitCode } from "../../exit_code.ts";
import { consoleFor, type LogOptions } from "../../log_console.ts";
import type { RunProcess } from "../../process.ts";
import { openArchive } from "../open_archive.ts";

/** How an archive is listed. */
export interface LsOptions extends LogOptions {
  readonly files: ArchiveFiles;
  readonly archive: string;
  readonly format: "table" | "json" | "images";
}

/** Lists the images of an archive; gives the exit code. */
export async function runLs(
  { files, archive: path, format, ...log }: LsOptions,
  process: Pick<RunProcess, "stdout" | "stderr" | "color">,
): Promise<number> {
  const console = consoleFor(log, process);
  await using archive = await openArchive(files, path);
  const contents: Content[] = [];
  for await (const content of archive.medium.contents()) contents.push(content);
  const images = ArchiveImages.of(archive);
  const listed: ListedArchiveImage[] = [];
  for (const entry of await images.images()) {
    listed.push(listedImage(entry, await images.readWhole(entry)));
  }
  const { bases = [], volume } = archive.record ?? {};
  const report: ArchiveReport = {
    schemaVersion: 1,
    archive: path,
    contents: { count: contents.length, bytes: bytesOf(contents) },
    bases: bases.map(({ name, digest }) => ({ name, digest })),
    ...volume &&
      { volume: { number: volume.number, of: volume.volumes.length } },
    images: listed,
    refused: (archive.refused ?? []).map(({ name, error }) => ({
      reference: name,
      reason: describeError(error),
    })),
  };
  for (const { reference, reason } of report.refused) {
    console.warn(`${reference} cannot be loaded: ${reason}`);
  }
  for (const { reference, faults } of listed) {
    for (const fault of faults) console.warn(`${reference}: ${fault}`);
  }
  if (format === "json") process.stdout(archiveJson(report));
  else if (format === "images") process.stdout(archiveImages(report));
  else {
    process.stdout(archiveTable(report));
    console.result(archiveLine(report));
  }
  return ExitCode.done;
}

function bytesOf(contents: readonly Content[]): number {
  return contents.reduce((sum, { size }) => sum + size, 0);
}

function distinct(contents: readonly Content[]): Content[] {
  return [...new Map(contents.map((c) => [c.digest, c])).values()];
}

function listedImage(
  entry: ArchiveEntry,
  read: readonly ReadEntry[],
): ListedArchiveImage {
  const { tree } = read.find((one) => one.entry === entry)!;
  const trees = read.map((one) => one.tree);
  const leftOut = distinct(trees.flatMap((one) => one.leftOut));
  const { mediaType, digest } = entry.descriptor;
  return {
    reference: nameOfEntry(entry),
    digest,
    mediaType,
    platforms: tree.platforms,
    size: bytesOf(
      distinct(trees.flatMap((one) => [...one.manifests, ...one.blobs])),
    ),
    absentChildren: tree.children?.absent ?? 0,
    absentPlatforms: tree.children?.absentPlatforms ?? 0,
    hasAttestations: tree.hasAttestations,
    // A list of referrers is none of them.
    attachments:
      read.filter((one) =>
        one.entry !== entry && !isFallbackTag(tagOf(one.entry) ?? "")
      ).length,
    leftOut: { blobs: leftOut.length, bytes: bytesOf(leftOut) },
    faults: trees.flatMap(({ faults }) => faults.map(({ text }) => text)),
  };
}
