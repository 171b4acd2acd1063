/**
 * A set of volumes, to be written. Which volume gets what is decided once, when
 * all content is known.
 *
 * @module
 */

import type { ByteReader } from "../../bytes.ts";
import { HangarError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { VolumeContent } from "../archive_record.ts";
import type { ArchiveFiles } from "../files.ts";
import type { Content } from "../content.ts";
import type {
  ArchiveFileSet,
  IncomingContent,
  Medium,
  MediumReader,
} from "../medium.ts";
import { END_BYTES } from "../tar/tar_header.ts";
import { partialPath, TarMedium } from "../tar/tar_medium.ts";
import { notThere } from "../tar/tar_reader.ts";
import { IncomingParts, type PartPlace } from "./incoming_parts.ts";
import {
  assignVolumes,
  isWhole,
  MIN_CAPACITY,
  partBytes,
  partPath,
  volumePath,
} from "./assign_volumes.ts";
import { VolumeSetReader, type VolumeTar } from "./volume_reader.ts";

/** Volumes of a set that are there, while others are lost. */
export interface FoundVolumes {
  readonly volumes: ReadonlyMap<number, VolumeTar>;
  /** What each volume of the set holds. */
  readonly table: readonly (readonly VolumeContent[])[];
}

/** How a set of volumes is written. */
export interface VolumesOptions {
  readonly files: ArchiveFiles;
  /** The path of the set, from which those of its volumes are made. */
  readonly path: string;
  /** The most that a volume may have, in bytes. */
  readonly volumeSize: number;
  /** Volumes that are kept; the lost ones are made again. @default {none} */
  readonly found?: FoundVolumes;
  /** The numbers of volumes that a run has left incomplete. @default {none} */
  readonly left?: readonly number[];
}

/** Writes a set of volumes. */
export class VolumesMedium implements Medium {
  readonly name: string;
  readonly #options: VolumesOptions;
  readonly #held: AsyncDisposableStack;
  /** What is written before it is known which volume it belongs to. */
  readonly #early: TarMedium;
  /** The volumes that are written; at first, those that a run has left. */
  readonly #tars: Map<number, TarMedium>;
  #table: readonly (readonly VolumeContent[])[] = [];
  #places = new Map<Digest, PartPlace[]>();
  #reader: VolumeSetReader;
  /** Content that a run has left whole, in several volumes. */
  #leftInParts: readonly Content[] = [];
  #isAssigned = false;
  /** What the entries of a volume may take, in bytes. */
  #capacity = 0;

  private constructor(
    options: VolumesOptions,
    { held, early, tars }: {
      readonly held: AsyncDisposableStack;
      readonly early: TarMedium;
      readonly tars: Map<number, TarMedium>;
    },
  ) {
    const { path, found } = options;
    this.name = path;
    this.#options = options;
    this.#held = held;
    this.#early = early;
    this.#tars = tars;
    this.#table = found?.table ?? [];
    this.#reader = new VolumeSetReader(
      path,
      found?.volumes ?? new Map(),
      this.#table,
    );
  }

  /**
   * Begins a set, or goes on with one that a run has left incomplete.
   *
   * @throws {HangarError} `file`, `invalid-archive`
   */
  static async open(options: VolumesOptions): Promise<VolumesMedium> {
    const { files, path, left = [] } = options;
    await using opening = new AsyncDisposableStack();
    const early = opening.use(await TarMedium.begin(files, path));
    const tars = new Map<number, TarMedium>();
    for (const number of left) {
      const tar = await TarMedium.begin(files, volumePath(path, number));
      tars.set(number, opening.use(tar));
    }
    return new VolumesMedium(options, { held: opening.move(), early, tars });
  }

  /**
   * Decides which volume gets what, and moves there what was written so far.
   *
   * @param contents all that the archive is to hold
   * @param describing what the files take that describe it, in bytes
   * @throws {HangarError} `usage` where volumes are too small for that
   */
  async assign(
    contents: Iterable<Content>,
    describing: number,
  ): Promise<void> {
    const { found, volumeSize, files, path } = this.#options;
    const capacity = volumeSize - describing - END_BYTES;
    this.#capacity = found ? 0 : capacity;
    if (!found && capacity < MIN_CAPACITY) {
      throw new HangarError(
        "usage",
        `--volume-size ${volumeSize} is too small: each volume says what all of them hold, which takes ${describing} bytes here`,
        { hint: `give at least ${describing + END_BYTES + MIN_CAPACITY}` },
      );
    }
    if (!found) this.#table = assignVolumes(contents, capacity);
    if (this.#table.length === 0) this.#table = [[]];
    for (const number of this.#table.keys()) {
      if (found?.volumes.has(number + 1)) continue;
      let tar = this.#tars.get(number + 1);
      if (!tar) {
        tar = await TarMedium.begin(files, volumePath(path, number + 1));
        this.#tars.set(number + 1, this.#held.use(tar));
      }
      await forgetOthers(tar, this.#table[number]!);
    }
    this.#place();
    this.#isAssigned = true;
    this.#leftInParts = await this.#wholeInParts();
    for await (const content of this.#early.contents()) {
      await this.#moveEarly(content);
    }
  }

  #place(): void {
    this.#places.clear();
    const { path, found } = this.#options;
    const volumes = new Map<number, VolumeTar>([
      ...found?.volumes ?? [],
      ...this.#tars,
    ]);
    this.#reader = new VolumeSetReader(path, volumes, this.#table);
    for (const [i, parts] of this.#table.entries()) {
      for (const part of parts) {
        const places = this.#places.get(part.digest) ?? [];
        places.push({ part, tar: this.#tars.get(i + 1) });
        this.#places.set(part.digest, places);
      }
    }
    for (const places of this.#places.values()) {
      places.sort((a, b) => a.part.offset - b.part.offset);
    }
  }

  async #wholeInParts(): Promise<Content[]> {
    const whole: Content[] = [];
    for (const [digest, places] of this.#places) {
      if (places.length < 2 || places.every(({ tar }) => !tar)) continue;
      const size = await this.#reader.sizeOf(digest);
      if (size !== undefined) whole.push({ digest, size });
    }
    return whole;
  }

  /** What was only looked at has no place in a volume, and stays. */
  async #moveEarly(content: Content): Promise<void> {
    if (!this.#places.has(content.digest)) return;
    if (await this.#reader.sizeOf(content.digest) === undefined) {
      const reader = await this.#early.open(content, 0);
      const incoming = await this.begin(content);
      for (let piece; (piece = await reader.read());) {
        await incoming.write(piece);
      }
      await incoming.keep();
    }
    await this.#early.forget(content.digest);
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    for (const holder of this.#holders()) {
      const size = await holder.sizeOf(digest);
      if (size !== undefined) return size;
    }
    return undefined;
  }

  async open(content: Content, offset: number): Promise<ByteReader> {
    for (const holder of this.#holders()) {
      if (await holder.sizeOf(content.digest) === undefined) continue;
      return await holder.open(content, offset);
    }
    throw notThere(content.digest, this.name);
  }

  /** What is read, in turn. A volume that a run has left has no place at first. */
  #holders(): Pick<MediumReader, "sizeOf" | "open">[] {
    const left = this.#isAssigned ? [] : this.#tars.values();
    return [this.#early, this.#reader, ...left];
  }

  async readFile(path: string, limit: number): Promise<Uint8Array | undefined> {
    return await this.#reader.readFile(path, limit);
  }

  async *contents(): AsyncIterable<Content> {
    yield* this.#reader.contents();
  }

  async begin(content: Content): Promise<IncomingContent> {
    const places = this.#isAssigned
      ? this.#places.get(content.digest)
      : undefined;
    return places
      ? new IncomingParts(places)
      : await this.#early.begin(content);
  }

  cost(content: Iterable<Content>): number {
    let sum = 0;
    for (const { digest, size } of content) {
      sum += partBytes({ digest, size, offset: 0, length: size });
    }
    for (const tar of this.#tars.values()) sum -= tar.spare;
    return Math.max(0, sum);
  }

  async free(): Promise<number> {
    return await this.#options.files.free(this.#options.path);
  }

  async *leftovers(): AsyncIterable<Content> {
    yield* this.#early.leftovers();
    for (const tar of this.#tars.values()) yield* tar.leftovers();
    yield* this.#leftInParts;
  }

  async forget(digest: Digest): Promise<void> {
    await this.#early.forget(digest);
    if (!this.#isAssigned) {
      for (const tar of this.#tars.values()) await tar.forget(digest);
    }
    for (const { part, tar } of this.#places.get(digest) ?? []) {
      if (isWhole(part)) await tar?.forget(digest);
      else await tar?.forgetFile(partPath(part));
    }
  }

  async commit(files: ArchiveFileSet): Promise<void> {
    for (const digest of files.unused) await this.forget(digest);
    for await (const content of this.#early.contents()) {
      await this.#placeLate(content);
    }
    // What images lack that failed is in no volume.
    const table: VolumeContent[][] = [];
    for (const parts of this.#table) table.push(await this.#thereOf(parts));
    for (const [number, tar] of this.#tars) {
      await tar.commit({
        ...files,
        unused: [],
        record: () => files.record({ number, volumes: table }),
      });
    }
    await this.#removeSurplus();
    await this.#options.files.remove(partialPath(this.name));
  }

  /** Those of some parts whose content is there. */
  async #thereOf(parts: readonly VolumeContent[]): Promise<VolumeContent[]> {
    const there: VolumeContent[] = [];
    for (const part of parts) {
      const isThere = await this.#reader.sizeOf(part.digest) === part.size;
      if (isThere) there.push(part);
    }
    return there;
  }

  /**
   * Finds room for what was not planned: of an image that failed, the list of
   * those referrers that are there.
   */
  async #placeLate({ digest, size }: Content): Promise<void> {
    const part = { digest, size, offset: 0, length: size };
    for (const number of this.#tars.keys()) {
      const parts = this.#table[number - 1]!;
      const there = await this.#thereOf(parts);
      const taken = there.reduce((sum, one) => sum + partBytes(one), 0);
      if (taken + partBytes(part) > this.#capacity) continue;
      const table = [...this.#table];
      table[number - 1] = [...there, part];
      this.#table = table;
      this.#place();
      return await this.#moveEarly(part);
    }
    throw new HangarError(
      "conflict",
      `${this.name}: ${digest} was not there when the volumes were planned`,
      {
        hint: "the source has changed meanwhile: run the same command again",
      },
    );
  }

  /** Volumes of an earlier set that had more of them. */
  async #removeSurplus(): Promise<void> {
    const { files, path } = this.#options;
    for (let number = this.#table.length + 1;; number++) {
      const surplus = volumePath(path, number);
      if (await files.look(surplus) === undefined) return;
      await files.remove(surplus);
    }
  }

  async discard(): Promise<void> {
    await this.#early.discard();
    for (const tar of this.#tars.values()) await tar.discard();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
    await this.#held.disposeAsync();
  }
}

/** Gives up what an earlier run has left in a volume and now belongs elsewhere. */
async function forgetOthers(
  tar: TarMedium,
  parts: readonly VolumeContent[],
): Promise<void> {
  const own = new Set(parts.map(partPath));
  const whole = new Set(parts.filter(isWhole).map(({ digest }) => digest));
  for await (const { digest } of tar.leftovers()) {
    if (!whole.has(digest)) await tar.forget(digest);
  }
  for (const name of tar.fileNames) {
    if (!own.has(name)) await tar.forgetFile(name);
  }
}
