/**
 * The saving of a list, in two passes: what is needed is worked out, told and
 * compared with the room on the disk; then it is fetched.
 *
 * @module
 */

import { counted } from "../../counted.ts";
import { HangarError } from "../../errors.ts";
import {
  encodeRecord,
  type LeftOut,
  recordPath,
} from "../../layout/archive_record.ts";
import { type FarSide, farSideOf } from "../../layout/far_side.ts";
import type { ArchiveFiles } from "../../layout/files.ts";
import { VolumesMedium } from "../../layout/volumes/volumes_medium.ts";
import type { Digest } from "../../oci/digest.ts";
import { addBases } from "./open_bases.ts";
import { LayoutStore } from "../../layout/layout_store.ts";
import type { Content } from "../../layout/content.ts";
import type { Medium } from "../../layout/medium.ts";
import { MemoryMedium } from "../../layout/memory_medium.ts";
import { PlanningStore } from "../../layout/planning_store.ts";
import { SourceMemory } from "../../layout/remembered_source.ts";
import { dryRunImage } from "../../mirror/dry_run_image.ts";
import type { MirrorOutcome } from "../../mirror/events.ts";
import type {
  ImageJob,
  ImageResult,
  RunServices,
} from "../../mirror/image_run.ts";
import { withSettings } from "../../mirror/entry_options.ts";
import { type ImageOptions, mirrorImage } from "../../mirror/mirror_image.ts";
import { forEachImage } from "../../mirror/pool/for_each_image.ts";
import type { MirrorPlan } from "../../mirror/plan/plan_mirror.ts";
import { formatReference } from "../../names/reference.ts";
import type { DestinationStore, SourceStore } from "../../oci/store.ts";
import type { Console } from "../../report/console.ts";
import { formatBytes } from "../../report/format.ts";
import type { Network } from "../network/network.ts";
import type { ArchiveTarget } from "./archive_target.ts";
import { checkLeftovers } from "./check_leftovers.ts";

/** How many images are looked at at once, whatever `--jobs` says. */
const LOOKS_AT_ONCE = 12;

/** What an archive takes beside its content, if it were empty, in bytes. */
const END_OF_ARCHIVE = 8 * 1024;

/** How a list is saved. */
export interface SaveOptions extends Omit<ImageOptions, "judge"> {
  readonly files: ArchiveFiles;
  /** An archive that is read. @default {images are read from registries} */
  readonly from?: { readonly store: SourceStore };
  /** Bases: what they hold is left out. @default {none} */
  readonly since?: readonly string[];
  readonly jobs: number;
  readonly timeoutMs: number;
  readonly dryRun: boolean;
}

/** One run that writes an archive. */
export class SaveRun {
  readonly #target: ArchiveTarget;
  readonly #store: LayoutStore;
  readonly #medium: Medium;
  readonly #planning: PlanningStore;
  readonly #memory: SourceMemory;
  readonly #options: SaveOptions;
  /** Images that could not be looked at: they are not tried again. */
  readonly #failed = new Map<number, unknown>();
  readonly #images: number;
  readonly #farSide: FarSide;
  /** Set when the disk is full: nothing more is tried then. */
  #full?: HangarError;
  #services?: RunServices;

  constructor(target: ArchiveTarget, plan: MirrorPlan, options: SaveOptions) {
    this.#target = target;
    this.#options = options;
    this.#images = plan.tasks.length;
    this.#medium = options.dryRun
      ? new MemoryMedium(target.medium.name, target.medium, target.medium)
      : target.medium;
    const pinned = new Set(
      plan.tasks.flatMap(({ destination: { repository, tag, digest } }) =>
        tag === undefined ? [`${repository}@${digest}`] : []
      ),
    );
    this.#farSide = farSideOf(target.record ?? { bases: [], leftOut: [] });
    this.#store = new LayoutStore(this.#medium, target.index, {
      isWanted: (reference) => pinned.has(formatReference(reference)),
      farSide: this.#farSide,
    });
    this.#store.holdOn(target.held);
    this.#planning = new PlanningStore(this.#store);
    this.#memory = new SourceMemory(this.#store);
  }

  /**
   * Works out what is to be fetched, and tells it.
   *
   * @throws {HangarError} `usage` where the disk has less room than that takes
   */
  async prepare(
    network: Network,
    plan: MirrorPlan,
    how: ImageOptions,
    console: Console,
    signal: AbortSignal,
  ): Promise<void> {
    const checked = await checkLeftovers(this.#target, console, signal);
    const { since = [], files, dryRun } = this.#options;
    const { earlier } = this.#target;
    if (earlier) this.#memory.learn(earlier);
    const planning = this.#around(network, this.#planning);
    // What is found out of the sources serves both passes.
    const { finder, endpoints } = planning;
    this.#services = {
      ...this.#around(network, this.#store),
      finder,
      endpoints,
    };
    if (!earlier) {
      await addBases(this.#farSide, since, {
        files,
        source: (image) => planning.stores.source(image),
        warn: (message) => console.warn(message),
        signal,
      });
    }
    const options = { ...this.#options, jobs: LOOKS_AT_ONCE, signal };
    await forEachImage(
      plan.tasks,
      { ...options, hostOf: (image) => network.hostOf(image) },
      (job) => mirrorImage(job, planning, withSettings(how, job.task.settings)),
      (event) => {
        if (event.type !== "image-finished") return;
        const { id, kind, error } = event.outcome;
        if (kind === "failed") this.#failed.set(id, error);
      },
    );
    if (signal.aborted) return;
    await this.#checkRoom(console);
    if (this.#target.medium instanceof VolumesMedium && !dryRun) {
      await this.#assign(this.#target.medium);
      // What an earlier run has left in parts is known only now.
      await checkLeftovers(this.#target, console, signal, checked);
    }
  }

  /** Decides which volume gets what. */
  async #assign(medium: VolumesMedium): Promise<void> {
    const contents = new Map<Digest, number>(this.#planning.present);
    for (const { digest, size } of this.#planning.lacking()) {
      contents.set(digest, size);
    }
    for (const digest of this.#planning.manifests) {
      contents.set(digest, await medium.sizeOf(digest) ?? 0);
    }
    const all = [...contents].map(([digest, size]) => ({ digest, size }));
    await medium.assign(all, this.#describedBy(all.length));
  }

  #around(network: Network, destination: DestinationStore): RunServices {
    const base = network.runServices("pull");
    const { from } = this.#options;
    return {
      ...base,
      stores: {
        source: (image) =>
          this.#memory.around(from?.store ?? base.stores.source(image)),
        destination: () => destination,
      },
    };
  }

  async #checkRoom(console: Console): Promise<void> {
    const lacking = [...this.#planning.lacking()];
    const bytes = lacking.reduce((sum, { size }) => sum + size, 0);
    const takes = this.#medium.cost(lacking) +
      this.#describedBy(lacking.length);
    const free = await this.#medium.free();
    const { name } = this.#medium;
    if (takes > free) {
      throw new HangarError(
        "usage",
        `${name} takes ${exact(takes)} more, and its disk has ${
          exact(free)
        } left`,
        { hint: "make room there, or give a --destination on another disk" },
      );
    }
    console.info(
      `${name}: ${counted(lacking.length, "blob")} to fetch, ${
        exact(bytes)
      }; it takes ${exact(takes)} more, and ${formatBytes(free)} are free`,
    );
  }

  /** About how much the files take that describe the archive, in bytes. */
  #describedBy(lacking: number): number {
    const contents = lacking + this.#planning.manifests.size +
      [...this.#store.contents()].length;
    const isSplit = this.#target.medium instanceof VolumesMedium;
    return END_OF_ARCHIVE + contents * (isSplit ? 200 : 90) +
      this.#target.index.encode().length +
      (this.#images + this.#planning.manifests.size) * 500;
  }

  /** Saves one image, or says what that would do. */
  async work(
    job: ImageJob,
    how: ImageOptions,
    trace: RunServices["trace"],
  ): Promise<ImageResult> {
    if (this.#failed.has(job.task.id)) throw this.#failed.get(job.task.id);
    if (this.#full) throw this.#full;
    const services = { ...this.#services!, trace };
    const own = withSettings(how, job.task.settings);
    try {
      return this.#options.dryRun
        ? await dryRunImage(job, services, own)
        : await mirrorImage(job, services, own);
    } catch (error) {
      if (isDiskFull(error)) this.#full = error;
      throw error;
    }
  }

  /**
   * Makes what was saved the archive. A run that was interrupted, or whose disk
   * is full, leaves it as it is, and the next run goes on.
   *
   * @returns whether the archive is there
   */
  async finish(
    outcomes: readonly MirrorOutcome[],
    console: Console,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (this.#options.dryRun) {
      if (!this.#target.isContinued) await this.#target.medium.discard();
      return true;
    }
    const { name } = this.#medium;
    if (signal.aborted || this.#full) {
      console.warn(
        `${name} is not complete: run the same command again, and it goes on`,
      );
      return false;
    }
    const isSaved = outcomes.some(({ kind }) =>
      kind === "copied" || kind === "up-to-date"
    );
    if (!isSaved) {
      await this.#medium.discard();
      return false;
    }
    await this.#commit();
    return true;
  }

  async #commit(): Promise<void> {
    const left: Content[] = [];
    for await (const content of this.#medium.leftovers()) left.push(content);
    const index = this.#target.index.encode();
    const { earlier, record: known } = this.#target;
    if (earlier && !isEqual(index, earlier.encode())) {
      throw new HangarError(
        "conflict",
        `${this.#medium.name}: its volumes are of another list or of other flags than this run's: none was written`,
        { hint: "move them away, or give another --destination" },
      );
    }
    const contents = earlier ? known!.contents : [...this.#store.contents()];
    const bases = earlier ? known!.bases : this.#farSide.bases;
    const leftOut = earlier
      ? known!.leftOut
      : joined(known?.leftOut ?? [], this.#store.leftOut);
    await this.#medium.commit({
      index,
      recordPath: recordPath(index),
      record: (volume) => encodeRecord({ contents, bases, leftOut, volume }),
      unused: this.#store.unused(left),
    });
  }
}

/** Each piece of content once. */
function joined(
  ...lists: readonly (readonly LeftOut[])[]
): readonly LeftOut[] {
  return [...new Map(lists.flat().map((one) => [one.digest, one])).values()];
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function isDiskFull(error: unknown): error is HangarError {
  return error instanceof HangarError && error.code === "disk-full";
}

/** A size for people, and the exact number. */
function exact(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${formatBytes(bytes)} (${bytes} bytes)`;
}
