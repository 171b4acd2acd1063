/**
 * Content on its way into a place in a file.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { ArchiveFile } from "./files.ts";
import type { IncomingContent } from "./medium.ts";

/** Where content goes. */
export interface IncomingPlace {
  /** It is closed in the end. */
  readonly file: ArchiveFile;
  /** Where the content begins. @default {0} */
  readonly at?: number;
  /** Of the content, in bytes. */
  readonly size: number;
  /** How many zeros follow the content. @default {0} */
  readonly padding?: number;
  /** What the content is called in errors. */
  readonly name: string;
  /** Called when all is written, and the file is closed. */
  readonly keep: () => Promise<void>;
  /** Called when it is given up, and the file is closed. */
  readonly drop: () => Promise<void>;
}

/** Writes content to its place. */
export class IncomingFile implements IncomingContent {
  readonly #place: IncomingPlace;
  #written = 0;

  constructor(place: IncomingPlace) {
    this.#place = place;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const { file, at = 0, size, name } = this.#place;
    if (this.#written + bytes.length > size) {
      throw new HangarError(
        "content-mismatch",
        `${name} has more bytes than its ${size}`,
      );
    }
    await file.write(at + this.#written, bytes);
    this.#written += bytes.length;
  }

  async keep(): Promise<void> {
    const { file, at = 0, size, padding = 0, name, keep } = this.#place;
    if (this.#written !== size) {
      throw new HangarError(
        "content-mismatch",
        `${name} has ${this.#written} bytes of its ${size}`,
      );
    }
    if (padding > 0) await file.write(at + size, new Uint8Array(padding));
    await file[Symbol.asyncDispose]();
    await keep();
  }

  async drop(): Promise<void> {
    try {
      await this.#place.file[Symbol.asyncDispose]();
      await this.#place.drop();
    } catch {
      // It is not marked as whole: the next run finds that out.
    }
  }
}
