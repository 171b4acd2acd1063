/**
 * `archive merge`: several archives as one that other tools read too. Of a full
 * archive and its deltas, it makes what a full archive would be now.
 *
 * @module
 */

import { HangarError } from "../../../errors.ts";
import { ArchiveImages, nameOfEntry } from "../../../layout/archive_images.ts";
import {
  type ArchiveEntry,
  ArchiveIndex,
  savedChildren,
} from "../../../layout/archive_index.ts";
import type { ArchiveFiles } from "../../../layout/files.ts";
import type { ExpectedChildren } from "../../../layout/image_tree.ts";
import { JoinedMedium } from "../../../layout/joined_medium.ts";
import { refuseSameFile } from "../../../machine/failed_list.ts";
import { digestOf } from "../../../oci/digest.ts";
import { ExitCode } from "../../exit_code.ts";
import { Interrupt } from "../../interrupt.ts";
import { consoleFor, type LogOptions } from "../../log_console.ts";
import type { RunProcess } from "../../process.ts";
import { type OpenArchive, openArchive } from "../open_archive.ts";
import type { CopiedImage } from "./copy_images.ts";
import { writeCopy } from "./write_copy.ts";

/** How archives are merged. */
export interface MergeOptions extends LogOptions {
  readonly files: ArchiveFiles;
  /** In the order in which later ones replace earlier ones. */
  readonly archives: readonly string[];
  readonly output: string;
  readonly autoYes: boolean;
}

/** Merges archives; gives the exit code. */
export async function runMerge(
  { files, archives: paths, output, autoYes, ...log }: MergeOptions,
  process: RunProcess,
): Promise<number> {
  const console = consoleFor(log, process);
  using interrupt = new Interrupt(process.onInterrupt);
  const { signal } = interrupt;
  for (const path of paths) {
    await refuseSameFile(path, output, {
      flag: "--output",
      why: "it is an archive that is read",
      other: "--file",
    });
  }
  await using opened = new AsyncDisposableStack();
  const archives: OpenArchive[] = [];
  for (const path of paths) {
    const archive = await openArchive(files, path);
    archives.push(opened.use(archive));
  }
  const sources = basesFirst(archives);
  try {
    for (const { medium, refused = [] } of sources) {
      for (const { name, error } of refused) {
        console.error(`${medium.name}: ${name} is left out: ${error.message}`);
      }
    }
    const images = await mergedImages(sources, signal);
    const failed = await writeCopy(
      { files, sources, images, destination: output, autoYes },
      { console, signal, process },
    );
    const isWhole = failed.size === 0 &&
      sources.every(({ refused = [] }) => refused.length === 0);
    return isWhole ? ExitCode.done : ExitCode.someFailed;
  } catch (error) {
    if (!signal.aborted) throw error;
    console.warn(
      `${output} is not complete: run the same command again, and it goes on`,
    );
    return ExitCode.interrupted;
  }
}

/** Archives in an order in which each comes after those that it is based on. */
function basesFirst(archives: readonly OpenArchive[]): OpenArchive[] {
  const digests = archives.map(({ indexBytes }) => digestOf(indexBytes));
  const left = new Set(archives.keys());
  const ordered: OpenArchive[] = [];
  while (left.size > 0) {
    const next = [...left].find((i) =>
      !(archives[i]!.record?.bases ?? []).some(({ digest }) =>
        [...left].some((other) => other !== i && digests[other] === digest)
      )
    );
    if (next === undefined) {
      throw new HangarError(
        "invalid-archive",
        "the archives say that they are based on each other",
      );
    }
    left.delete(next);
    ordered.push(archives[next]!);
  }
  return ordered;
}

/** An entry, and what the archives say of it that have its newest state. */
interface Newest {
  readonly entry: ArchiveEntry;
  readonly expected: ExpectedChildren;
}

/** The images of all archives, the newest of each name, with what is attached. */
async function mergedImages(
  sources: readonly OpenArchive[],
  signal: AbortSignal,
): Promise<CopiedImage[]> {
  const newest = newestEntries(sources);
  const index = new ArchiveIndex();
  for (const { entry } of newest.values()) index.add(entry);
  const images = new ArchiveImages({
    medium: new JoinedMedium(sources.map(({ medium }) => medium)),
    entries: index.entries,
    leftOut: sources.flatMap(({ record }) => record?.leftOut ?? []),
    expected: (entry) => newest.get(nameOfEntry(entry))?.expected,
  });
  const merged: CopiedImage[] = [];
  for (const entry of await images.images()) {
    signal.throwIfAborted();
    const parts = await images.readWhole(entry);
    merged.push({ name: nameOfEntry(entry), parts });
  }
  return merged;
}

function newestEntries(sources: readonly OpenArchive[]): Map<string, Newest> {
  const newest = new Map<string, Newest>();
  for (const { index, medium, record } of sources) {
    for (const entry of index.entries) {
      const name = nameOfEntry(entry);
      const known = newest.get(name);
      if (known) refuseTwoMeanings(known.entry, entry, medium.name);
      const expected = record ? savedChildren(entry) ?? "all" : undefined;
      const isSame = known?.entry.descriptor.digest === entry.descriptor.digest;
      newest.set(name, {
        entry,
        expected: known && isSame ? united(known.expected, expected) : expected,
      });
    }
  }
  return newest;
}

/** A tag without a repository may be that of another image elsewhere. */
function refuseTwoMeanings(
  known: ArchiveEntry,
  entry: ArchiveEntry,
  archive: string,
): void {
  const { bareTag, reference, descriptor } = entry;
  const isSame = known.descriptor.digest === descriptor.digest;
  if (reference || bareTag === undefined || isSame) return;
  throw new HangarError(
    "conflict",
    `${bareTag} is without a repository, and is ${descriptor.digest} in ${archive} but ${known.descriptor.digest} in an archive before it`,
    { hint: "load them one by one, with a list that names the repositories" },
  );
}

/** The children that one archive or the other holds of the same index. */
function united(a: ExpectedChildren, b: ExpectedChildren): ExpectedChildren {
  if (a === "all" || b === "all") return "all";
  return a && b ? new Set([...a, ...b]) : undefined;
}
