/**
 * `archive export`: a part of an archive, as a new one.
 *
 * @module
 */

import { describeError } from "../../../errors.ts";
import { ArchiveImages, nameOfEntry } from "../../../layout/archive_images.ts";
import type { ArchiveFiles } from "../../../layout/files.ts";
import type { InvalidLine } from "../../../lists/image_list.ts";
import {
  checkFailedPath,
  refuseSameFile,
  writeFailedList,
} from "../../../machine/failed_list.ts";
import type { RegistryAddress } from "../../../names/address.ts";
import type { Console } from "../../../report/console.ts";
import { ExitCode } from "../../exit_code.ts";
import { Interrupt } from "../../interrupt.ts";
import { consoleFor, type LogOptions } from "../../log_console.ts";
import type { RunProcess } from "../../process.ts";
import { readList } from "../../read_list.ts";
import { openArchive } from "../open_archive.ts";
import { selectImages } from "./selected_images.ts";
import { writeCopy } from "./write_copy.ts";

/** How a part of an archive is exported. */
export interface ExportOptions extends LogOptions {
  readonly files: ArchiveFiles;
  /** The image list. */
  readonly list: string;
  readonly archive: string;
  readonly destination: string;
  /** Replaces the registry of every line. */
  readonly source?: RegistryAddress;
  /** Whether signatures and referrers come along. */
  readonly signatures: boolean;
  readonly failed: string;
  readonly autoYes: boolean;
}

/** Exports the images of a list; gives the exit code. */
export async function runExport(
  options: ExportOptions,
  process: RunProcess,
): Promise<number> {
  const { files, archive: path, destination, autoYes } = options;
  const console = consoleFor(options, process);
  const list = await readList(
    { file: options.list },
    process,
    (text) => console.warn(text),
  );
  await checkFailedPath(options.failed, options.list);
  await refuseSameFile(path, destination, {
    flag: "--destination",
    why: "it is the archive that is read",
    other: "--source",
  });
  using interrupt = new Interrupt(process.onInterrupt);
  const { signal } = interrupt;
  await using archive = await openArchive(files, path);
  const images = ArchiveImages.of(archive);
  const selected = await selectImages(list, images.entries, {
    source: options.source,
    warn: (text) => console.warn(text),
    signal,
  });
  for (const { line, reason } of selected.failed) {
    console.error(`${list.name}:${line}: ${reason}`);
  }
  const lines = new Map<string, readonly InvalidLine[]>();
  const wanted = [];
  try {
    for (const { entry, lines: named } of selected.images) {
      signal.throwIfAborted();
      const name = nameOfEntry(entry);
      lines.set(name, named);
      const parts = options.signatures
        ? await images.readWhole(entry)
        : [{ entry, tree: await images.read(entry) }];
      wanted.push({ name, parts });
    }
    const failed = await writeCopy(
      { files, sources: [archive], images: wanted, destination, autoYes },
      { console, signal, process },
    );
    const again = [
      ...selected.failed,
      ...[...failed].flatMap(([name, reason]) =>
        lines.get(name)!.map((line) => ({ ...line, reason }))
      ),
    ].sort((a, b) => a.line - b.line);
    await keepFailed(options.failed, list.name, again, console);
    return again.length > 0 ? ExitCode.someFailed : ExitCode.done;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.warn(
      `${destination} is not complete: run the same command again, and it goes on`,
    );
    return ExitCode.interrupted;
  }
}

/** Writes the lines that were not done; if that fails, to the log. */
async function keepFailed(
  path: string,
  list: string,
  lines: readonly InvalidLine[],
  console: Console,
): Promise<void> {
  try {
    await writeFailedList(path, list, lines);
    if (lines.length === 0) return;
    console.warn(
      lines.length === 1
        ? `1 line failed; it is in ${path}`
        : `${lines.length} lines failed; they are in ${path}`,
    );
  } catch (error) {
    console.error(describeError(error));
    for (const { text } of lines) console.error(`to do again: ${text}`);
  }
}
