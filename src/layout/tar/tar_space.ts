/**
 * The places of entries in a tar that is being written: at its end, or where an
 * entry was given up. At every moment the headers lead from entry to entry.
 *
 * @module
 */

import type { ArchiveFile } from "../files.ts";
import { OWN_DIRECTORY } from "../content.ts";
import { BLOCK_BYTES, encodeHeader } from "./tar_header.ts";

/** The name of an entry whose place nothing uses. */
const UNUSED = `${OWN_DIRECTORY}/unused`;

interface Extent {
  readonly at: number;
  /** Header included, in bytes: a multiple of a block. */
  readonly length: number;
}

/** Hands out places in a tar. */
export class TarSpace {
  readonly #file: Pick<ArchiveFile, "write">;
  #end: number;
  #extents: Extent[] = [];
  /** One change at a time, or a header could lead nowhere. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: Pick<ArchiveFile, "write">, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** Where the last entry ends. */
  get end(): number {
    return this.#end;
  }

  /** The bytes between entries that can be used again. */
  get unused(): number {
    return this.#extents.reduce((sum, { length }) => sum + length, 0);
  }

  /** Notes a place that an earlier run has left unused. */
  give(at: number, length: number): void {
    this.#extents.push({ at, length });
  }

  /**
   * Takes a place and writes the header of its entry there.
   *
   * @returns where it begins
   */
  take(length: number, header: Uint8Array): Promise<number> {
    return this.#alone(async () => {
      const fit = this.#extents.findIndex((extent) => extent.length >= length);
      if (fit < 0) {
        const at = this.#end;
        await this.#file.write(at, header);
        this.#end = at + length;
        return at;
      }
      const [extent] = this.#extents.splice(fit, 1) as [Extent];
      const rest = { at: extent.at + length, length: extent.length - length };
      if (rest.length > 0) {
        await this.#markUnused(rest);
        this.#extents.push(rest);
      }
      await this.#file.write(extent.at, header);
      return extent.at;
    });
  }

  /** Gives a place back. */
  release(at: number, length: number): Promise<void> {
    return this.#alone(async () => {
      await this.#markUnused({ at, length });
      this.#extents.push({ at, length });
    });
  }

  /** Gives up what is unused at the end, and marks the rest. */
  seal(): Promise<void> {
    return this.#alone(async () => {
      this.#extents.sort((a, b) => a.at - b.at);
      for (
        let last;
        (last = this.#extents.at(-1)) && last.at + last.length === this.#end;
      ) {
        this.#end = last.at;
        this.#extents.pop();
      }
      for (const extent of this.#extents) await this.#markUnused(extent);
    });
  }

  async #markUnused({ at, length }: Extent): Promise<void> {
    const header = encodeHeader(UNUSED, length - BLOCK_BYTES);
    if (header.length === BLOCK_BYTES) {
      return await this.#file.write(at, header);
    }
    // The header of a very large place has a pax record, and is longer. Just
    // above the limit of ustar, two entries fill the place.
    const large = encodeHeader(UNUSED, length - header.length);
    if (large.length === header.length) {
      return await this.#file.write(at, large);
    }
    const first = 4 * BLOCK_BYTES;
    await this.#markUnused({ at: at + first, length: length - first });
    await this.#markUnused({ at, length: first });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}
