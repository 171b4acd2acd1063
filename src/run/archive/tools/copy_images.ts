/**
 * From archives into a new archive: content is copied by digest, and hashed on
 * the way.
 *
 * @module
 */

import { counted } from "../../../counted.ts";
import { describeError, HangarError } from "../../../errors.ts";
import {
  type ReadEntry,
  writtenEntry,
} from "../../../layout/archive_images.ts";
import {
  type ArchiveEntry,
  ArchiveIndex,
} from "../../../layout/archive_index.ts";
import {
  type Base,
  encodeRecord,
  type LeftOut,
  recordPath,
} from "../../../layout/archive_record.ts";
import type { JoinedMedium } from "../../../layout/joined_medium.ts";
import type { Content } from "../../../layout/content.ts";
import type { MediumReader } from "../../../layout/medium.ts";
import { type Digest, DigestVerifier } from "../../../oci/digest.ts";
import type { Console } from "../../../report/console.ts";
import { formatBytes } from "../../../report/format.ts";
import type { ArchiveTarget } from "../archive_target.ts";
import { checkLeftovers } from "../check_leftovers.ts";
import { Ticker } from "./ticker.ts";

/** An image to copy, with all that is attached to it. */
export interface CopiedImage {
  readonly name: string;
  readonly parts: readonly ReadEntry[];
}

/** Content that was left out of an archive, and what it was left out for. */
export interface LeftOutWithBase extends Omit<LeftOut, "base"> {
  readonly base: Base;
}

/** How images are copied. */
export interface CopyOptions {
  readonly source: JoinedMedium;
  /** What the archives that are read say that others have. */
  readonly leftOut: ReadonlyMap<Digest, LeftOutWithBase>;
  readonly console: Console;
  readonly signal: AbortSignal;
}

/** What an archive takes beside its content, if it were empty, in bytes. */
const END_OF_ARCHIVE = 8 * 1024;

/** About how much the record and the index have for each piece of content. */
const DESCRIBED_BYTES = 200;

/** Copies images into a new archive. */
export class ImageCopy {
  readonly #target: ArchiveTarget;
  readonly #options: CopyOptions;
  readonly #index = new ArchiveIndex();
  readonly #unnamed = new Set<string>();
  readonly #ticker: Ticker;
  /** What is in the target, and whole. */
  readonly #kept = new Map<Digest, Content>();
  /** What the images use that were copied. */
  readonly #used = new Map<Digest, Content>();
  readonly #leftOut = new Map<Digest, Content>();
  #bytes = 0;
  #all = 0;

  constructor(target: ArchiveTarget, options: CopyOptions) {
    this.#target = target;
    this.#options = options;
    this.#ticker = new Ticker((text) => options.console.info(text));
  }

  /**
   * Says what the images take, before the first byte.
   *
   * @throws {HangarError} `usage` where the disk has less
   */
  async prepare(images: readonly CopiedImage[]): Promise<void> {
    const { medium, isContinued } = this.#target;
    const { console, signal } = this.#options;
    await checkLeftovers(this.#target, console, signal);
    const wanted = new Map<Digest, Content>();
    for (const { parts } of images) {
      for (const content of contentsOf(parts)) {
        wanted.set(content.digest, content);
      }
    }
    const lacking: Content[] = [];
    for (const content of wanted.values()) {
      if (await medium.sizeOf(content.digest) === content.size) {
        this.#kept.set(content.digest, content);
      } else lacking.push(content);
    }
    this.#all = lacking.reduce((sum, { size }) => sum + size, 0);
    const takes = medium.cost(lacking) + END_OF_ARCHIVE +
      wanted.size * DESCRIBED_BYTES;
    const free = await medium.free();
    if (takes > free) {
      if (!isContinued) await medium.discard();
      throw new HangarError(
        "usage",
        `${medium.name} takes ${takes} bytes more, and its disk has ${free} left`,
        { hint: "make room there, or name an archive on another disk" },
      );
    }
    console.info(
      `${counted(lacking.length, "piece", "pieces")} of content, ${
        formatBytes(this.#all)
      }, are copied; ${medium.name} takes ${formatBytes(takes)} more of the ${
        formatBytes(free)
      } that are free`,
    );
  }

  /**
   * Copies one image.
   *
   * @throws {HangarError} `content-mismatch`, `not-found` where content of it
   * is damaged or missing; `file`, `disk-full` where nothing can be written
   */
  async copy({ parts }: CopiedImage): Promise<void> {
    const [fault] = parts.flatMap(({ tree }) => tree.faults);
    if (fault) throw new HangarError("content-mismatch", fault.text);
    const contents = contentsOf(parts);
    for (const content of contents) await this.#keep(content);
    for (const content of contents) this.#used.set(content.digest, content);
    for (const { tree } of parts) {
      for (const content of tree.leftOut) {
        this.#leftOut.set(content.digest, content);
      }
    }
    for (const part of parts) this.#add(writtenEntry(part));
  }

  #add(entry: ArchiveEntry): void {
    const { reference, bareTag, descriptor } = entry;
    const isThere = !reference &&
      this.#index.entries.some((other) =>
        !other.reference && other.bareTag === bareTag &&
        other.descriptor.digest === descriptor.digest
      );
    if (!isThere) this.#index.add(entry);
  }

  /** Copies content from the first archive in which it is whole. */
  async #keep(content: Content): Promise<void> {
    if (this.#kept.has(content.digest)) return;
    let last: unknown = new HangarError(
      "not-found",
      `${content.digest} is in no archive`,
    );
    for (const holder of await this.#options.source.holders(content)) {
      try {
        await this.#pour(holder, content);
        this.#kept.set(content.digest, content);
        return;
      } catch (error) {
        if (!isOfContent(error)) throw error;
        last = new HangarError(
          error.code,
          `${content.digest} is damaged in ${holder.name}: ${
            describeError(error)
          }`,
          { cause: error },
        );
      }
    }
    throw last;
  }

  async #pour(
    holder: Pick<MediumReader, "open">,
    content: Content,
  ): Promise<void> {
    const { signal } = this.#options;
    signal.throwIfAborted();
    const reader = await holder.open(content, 0);
    const incoming = await this.#target.medium.begin(content);
    const verifier = new DigestVerifier(content);
    try {
      for (let piece; (piece = await reader.read());) {
        signal.throwIfAborted();
        verifier.update(piece);
        await incoming.write(piece);
        this.#bytes += piece.byteLength;
        this.#ticker.tell(() =>
          `${formatBytes(this.#bytes)} of ${formatBytes(this.#all)} copied`
        );
      }
      verifier.finish();
      await incoming.keep();
    } catch (error) {
      await incoming.drop();
      throw error;
    } finally {
      await reader.cancel();
    }
  }

  /** Makes what was copied the archive. */
  async commit(): Promise<void> {
    const { medium } = this.#target;
    const unused = new Set<Digest>(this.#kept.keys());
    for await (const { digest } of medium.leftovers()) unused.add(digest);
    for (const digest of this.#used.keys()) unused.delete(digest);
    const { bases, leftOut } = this.#away();
    const index = this.#index.encode();
    const contents = [...this.#used.values()];
    await medium.commit({
      index,
      recordPath: recordPath(index),
      record: (volume) => encodeRecord({ contents, bases, leftOut, volume }),
      unused: [...unused],
    });
  }

  /** What the new archive lacks, with the bases that have it. */
  #away(): { readonly bases: Base[]; readonly leftOut: LeftOut[] } {
    const bases = new Map<
      Digest,
      { readonly base: Base; readonly at: number }
    >();
    const leftOut: LeftOut[] = [];
    for (const content of this.#leftOut.values()) {
      const known = this.#options.leftOut.get(content.digest);
      if (!known) continue;
      const { base } = known;
      const placed = bases.get(base.digest) ?? { base, at: bases.size };
      bases.set(base.digest, placed);
      leftOut.push({ ...known, base: placed.at });
    }
    return { bases: [...bases.values()].map(({ base }) => base), leftOut };
  }
}

/** Whether the error is of the content, and not of the disk that is written. */
function isOfContent(error: unknown): error is HangarError {
  return error instanceof HangarError &&
    ["content-mismatch", "not-found", "network"].includes(error.code);
}

function contentsOf(parts: readonly ReadEntry[]): Content[] {
  return parts.flatMap(({ tree }) => [...tree.manifests, ...tree.blobs]);
}
