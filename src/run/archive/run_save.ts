/**
 * The commands that write archives: `save` and `sync`, and the proof of both.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { type ArchiveFiles, lookAtGiven } from "../../layout/files.ts";
import { ReadOnlyStore } from "../../layout/read_only.ts";
import type { MakeJudge } from "../../machine/policy_files.ts";
import { withSettings } from "../../mirror/entry_options.ts";
import { archiveRoutes, planArchive } from "../../mirror/plan/plan_archive.ts";
import type { PlanOptions } from "../../mirror/plan/plan_addresses.ts";
import { type Depth, validateImage } from "../../mirror/validate_image.ts";
import type { Reference } from "../../names/reference.ts";
import type { PlatformFilter } from "../../oci/platform.ts";
import { logEvents, logPlans } from "../../report/log_events.ts";
import { logVerdicts } from "../../report/log_verdicts.ts";
import { dryRunLine, saveLine, validationLine } from "../../report/summary.ts";
import type { RunProcess } from "../process.ts";
import type { ListJob, ListRunOptions } from "../list_job.ts";
import { runList } from "../run_list.ts";
import type { ArchiveSource } from "../run_mirror.ts";
import {
  type ArchiveKind,
  type ArchiveTarget,
  checkArchiveName,
  kindOf,
  openExisting,
  openNew,
} from "./archive_target.ts";
import { openArchive } from "./open_archive.ts";
import { SaveRun } from "./save_run.ts";

/** How a list is saved. */
export interface SaveRunOptions extends ListRunOptions {
  /** The path of the archive. */
  readonly archive: string;
  /** What it is made as. @default {a tar, where its name ends with .tar} */
  readonly kind?: ArchiveKind;
  readonly files: ArchiveFiles;
  readonly filter: PlatformFilter;
  /** Whether the user gave the filter. @default {false} */
  readonly isFilterGiven?: boolean;
  readonly provenance: boolean;
  readonly signatures: boolean;
  /** Judges what is saved. */
  readonly policy?: MakeJudge;
  /** Only report what would be done. */
  readonly dryRun: boolean;
  /** An archive that is read. @default {images are read from registries} */
  readonly from?: Pick<ArchiveSource, "store">;
  /** The name of a single image in the archive. @default {its own} */
  readonly saveAs?: Reference;
  /** Whether an archive that is there is replaced without asking. */
  readonly autoYes: boolean;
  /** Bases: what they hold is left out. @default {none} */
  readonly since?: readonly string[];
  /** The most that a volume may have, in bytes. @default {it is one file} */
  readonly volumeSize?: number;
}

/** Saves a list into a new archive; gives the exit code. */
export async function runSave(
  options: SaveRunOptions,
  process: RunProcess,
): Promise<number> {
  checkArchiveName(options.archive);
  const { archive: path, files, autoYes, volumeSize } = options;
  const { prompt } = process;
  return await writeArchive(
    options,
    process,
    "save",
    (info) => openNew(files, { path, autoYes, prompt, volumeSize, info }),
  );
}

/** Saves an image into a new archive, or adds it to one that is there. */
export async function runSaveOne(
  options: SaveRunOptions,
  process: RunProcess,
): Promise<number> {
  const { archive: path, files, kind = kindOf(path) } = options;
  const info = await lookAtGiven(files, path);
  const isThere = kind === "tar"
    ? info !== undefined
    : await files.look(`${path}/index.json`) !== undefined;
  if (kind === "tar") {
    checkArchiveName(path);
    if (info?.kind === "directory") {
      throw new HangarError("usage", `${path} is a directory, and no tar`);
    }
  }
  const { prompt } = process;
  const open = isThere
    ? () => openExisting(files, path)
    : (info: (message: string) => void) =>
      openNew(files, { path, kind, autoYes: false, prompt, info });
  return await writeArchive(options, process, "copy", open);
}

/** Adds a list to an archive; gives the exit code. */
export async function runSync(
  options: SaveRunOptions,
  process: RunProcess,
): Promise<number> {
  const { archive, files } = options;
  if (await files.look(archive) === undefined) {
    throw new HangarError("usage", `there is no archive ${archive}`, {
      hint: "make it with `hangar save`",
    });
  }
  return await writeArchive(
    options,
    process,
    "sync",
    () => openExisting(files, archive),
  );
}

async function writeArchive(
  options: SaveRunOptions,
  process: RunProcess,
  command: string,
  open: (info: (message: string) => void) => Promise<ArchiveTarget>,
): Promise<number> {
  const { archive, dryRun, from } = options;
  await using held = new AsyncDisposableStack();
  let run: SaveRun;
  const how = (judge: ReturnType<MakeJudge> | undefined) =>
    ({ ...options, judge, index: "sparse", alone: true }) as const;
  let judge: ReturnType<MakeJudge> | undefined;
  return await runList(options, process, {
    command,
    dryRun,
    log: dryRun ? logPlans : logEvents,
    summary: dryRun ? dryRunLine : saveLine,
    needsLogin: false,
    isToArchive: true,
    plan: (list, plan) =>
      planArchive(list, readingFrom(from, plan), archive, options.saveAs),
    prepare: async (network, plan, console, signal) => {
      judge = options.policy?.(network.plainTransport);
      const target = held.use(await open((text) => console.info(text)));
      run = new SaveRun(target, plan, options);
      try {
        await run.prepare(network, plan, how(judge), console, signal);
      } catch (error) {
        // Nothing was saved: nothing stays, but for what a run has left before.
        if (!target.isContinued) await target.medium.discard();
        throw error;
      }
    },
    work: (_network, _plan, trace) => (job) => run.work(job, how(judge), trace),
    finish: (outcomes, console, signal) =>
      run.finish(outcomes, console, signal),
  });
}

/** How a list is planned whose images are in an archive. */
function readingFrom(
  from: SaveRunOptions["from"],
  plan: PlanOptions,
): PlanOptions {
  return from
    ? { ...plan, routes: archiveRoutes(from.store.id, plan.routes) }
    : plan;
}

/** Validates that an archive holds a list; gives the exit code. */
export async function runSaveValidate(
  options: SaveRunOptions,
  { command, depth }: { readonly command: string; readonly depth: Depth },
  process: RunProcess,
): Promise<number> {
  const { archive: path, files } = options;
  await using archive = await openArchive(files, path);
  const store = new ReadOnlyStore(archive.medium, archive.index);
  const job: ListJob = {
    command,
    log: logVerdicts,
    summary: validationLine,
    needsLogin: false,
    isToArchive: true,
    plan: (list, plan) => planArchive(list, plan, path),
    work: (network) => {
      const base = network.runServices("pull");
      const services = {
        ...base,
        stores: { ...base.stores, destination: () => store },
      };
      const how = {
        ...options,
        depth,
        judge: options.policy?.(network.plainTransport),
        index: "sparse",
        alone: true,
      } as const;
      return (job) =>
        validateImage(job, services, withSettings(how, job.task.settings));
    },
  };
  return await runList(options, process, job);
}
