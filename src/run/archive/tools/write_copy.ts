/**
 * One run that makes an archive out of others: told, interrupted and ended as
 * all of them are.
 *
 * @module
 */

import { counted } from "../../../counted.ts";
import { describeError, HangarError } from "../../../errors.ts";
import type { ArchiveFiles } from "../../../layout/files.ts";
import { JoinedMedium } from "../../../layout/joined_medium.ts";
import type { Digest } from "../../../oci/digest.ts";
import type { Console } from "../../../report/console.ts";
import { formatDuration } from "../../../report/format.ts";
import type { RunProcess } from "../../process.ts";
import { checkArchiveName, openNew } from "../archive_target.ts";
import type { OpenArchive } from "../open_archive.ts";
import {
  type CopiedImage,
  ImageCopy,
  type LeftOutWithBase,
} from "./copy_images.ts";

/** What is written, and from what. */
export interface CopyRun {
  readonly files: ArchiveFiles;
  readonly sources: readonly OpenArchive[];
  readonly images: readonly CopiedImage[];
  readonly destination: string;
  readonly autoYes: boolean;
}

/** What a run has to talk to. */
export interface CopyTools {
  readonly console: Console;
  readonly signal: AbortSignal;
  readonly process: RunProcess;
}

/** Why images were not copied, by name. */
export type NotCopied = ReadonlyMap<string, string>;

/**
 * Writes the archive.
 *
 * @returns the images that could not be copied; where none could, there is no
 * archive
 * @throws {HangarError} `usage`, `file`, `disk-full`, or the reason of the abort;
 * the same command then goes on
 */
export async function writeCopy(
  { files, sources, images, destination, autoYes }: CopyRun,
  { console, signal, process }: CopyTools,
): Promise<NotCopied> {
  checkArchiveName(destination);
  const started = performance.now();
  const { prompt } = process;
  await using target = await openNew(files, {
    path: destination,
    autoYes,
    prompt,
    info: (message) => console.info(message),
  });
  const copy = new ImageCopy(target, {
    source: new JoinedMedium(sources.map(({ medium }) => medium)),
    leftOut: leftOutOf(sources),
    console,
    signal,
  });
  await copy.prepare(images);
  const failed = new Map<string, string>();
  for (const image of images) {
    signal.throwIfAborted();
    try {
      await copy.copy(image);
      console.info(`Copied [${image.name}]`);
    } catch (error) {
      if (signal.aborted || !isOfImage(error)) throw error;
      failed.set(image.name, describeError(error));
      console.error(`Failed [${image.name}]: ${describeError(error)}`);
    }
  }
  const copied = images.length - failed.size;
  if (copied === 0) await target.medium.discard();
  else await copy.commit();
  const line = `Done: ${
    counted(copied, "image")
  } copied, ${failed.size} failed${
    copied === 0 ? `; ${destination} was not made` : ` => ${destination}`
  }, ${formatDuration(performance.now() - started)}`;
  if (failed.size > 0) console.error(line);
  else console.result(line);
  return failed;
}

/** Whether the error is of the image, and not of the disk that is written. */
function isOfImage(error: unknown): boolean {
  return error instanceof HangarError &&
    !["file", "disk-full", "usage", "interrupted"].includes(error.code);
}

function leftOutOf(
  sources: readonly OpenArchive[],
): Map<Digest, LeftOutWithBase> {
  const found = new Map<Digest, LeftOutWithBase>();
  for (const { record } of sources) {
    for (const content of record?.leftOut ?? []) {
      const base = record?.bases[content.base];
      if (base) found.set(content.digest, { ...content, base });
    }
  }
  return found;
}
