/**
 * Content on its way into several volumes.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { VolumeContent } from "../archive_record.ts";
import type { IncomingContent } from "../medium.ts";
import type { TarMedium } from "../tar/tar_medium.ts";
import { isWhole, partPath } from "./assign_volumes.ts";

/** A part, and the volume that it is written to. */
export interface PartPlace {
  readonly part: VolumeContent;
  /** Undefined where the volume is there already. */
  readonly tar?: TarMedium;
}

/** Content that goes into several volumes, one part after the other. */
export class IncomingParts implements IncomingContent {
  readonly #left: PartPlace[];
  readonly #begun: IncomingContent[] = [];
  #current?: { readonly to?: IncomingContent; left: number };

  constructor(places: readonly PartPlace[]) {
    this.#left = [...places];
  }

  async write(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      if (!this.#current || this.#current.left === 0) await this.#next();
      const current = this.#current!;
      const piece = rest.subarray(0, current.left);
      await current.to?.write(piece);
      current.left -= piece.length;
      rest = rest.subarray(piece.length);
    }
  }

  /** A part that its volume has already is passed over. */
  async #next(): Promise<void> {
    const place = this.#left.shift();
    if (!place) {
      throw new HangarError(
        "content-mismatch",
        "there are more bytes than announced",
      );
    }
    const { part, tar } = place;
    const isThere = !tar ||
      (isWhole(part)
        ? await tar.sizeOf(part.digest) !== undefined
        : tar.fileSize(partPath(part)) !== undefined);
    const to = isThere
      ? undefined
      : await tar.beginEntry(partPath(part), part.length);
    if (to) this.#begun.push(to);
    this.#current = { to, left: part.length };
  }

  async keep(): Promise<void> {
    // Content without bytes has a place too.
    if (!this.#current && this.#left.length > 0) await this.#next();
    for (const incoming of this.#begun) await incoming.keep();
  }

  async drop(): Promise<void> {
    for (const incoming of this.#begun) await incoming.drop();
  }
}
