/**
 * `load`: from an archive into registries, and the proof of it.
 *
 * @module
 */

import type { ArchiveFiles } from "../../layout/files.ts";
import type { Depth } from "../../mirror/validate_image.ts";
import type { RunProcess } from "../process.ts";
import {
  type MirrorRunOptions,
  runMirror,
  runValidate,
} from "../run_mirror.ts";
import { listOf } from "./archive_list.ts";
import { archiveSource } from "./archive_source.ts";
import { type OpenArchive, openArchive } from "./open_archive.ts";

/** How an archive is loaded. */
export interface LoadRunOptions extends Omit<MirrorRunOptions, "input"> {
  readonly files: ArchiveFiles;
  /** The path of the archive; those of its volumes. */
  readonly archive: string | readonly string[];
  /** The images to load. @default {all images of the archive} */
  readonly list?: string;
}

/** Loads images; gives the exit code. */
export async function runLoad(
  options: LoadRunOptions,
  process: RunProcess,
): Promise<number> {
  await using archive = await openArchive(options.files, options.archive);
  return await runMirror(await mirrorOptions(options, archive), process);
}

/** Validates what loading should have given; gives the exit code. */
export async function runLoadValidate(
  options: LoadRunOptions,
  depth: Depth,
  process: RunProcess,
): Promise<number> {
  await using archive = await openArchive(options.files, options.archive);
  return await runValidate(
    await mirrorOptions(options, archive),
    depth,
    process,
  );
}

async function mirrorOptions(
  options: LoadRunOptions,
  archive: OpenArchive,
): Promise<MirrorRunOptions> {
  return {
    ...options,
    input: options.list === undefined
      ? { list: await listOf(archive) }
      : { file: options.list },
    from: archiveSource(archive, "load"),
  };
}
