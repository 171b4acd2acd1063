/**
 * Several archives read as one pool of content.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Content } from "./content.ts";
import type { MediumReader } from "./medium.ts";

/** What the pool is made of. */
type Part = Pick<MediumReader, "name" | "sizeOf" | "open">;

/** Several archives; the first that holds some content is read. */
export class JoinedMedium implements Pick<MediumReader, "sizeOf" | "open"> {
  readonly #parts: readonly Part[];

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    for (const part of this.#parts) {
      const size = await part.sizeOf(digest);
      if (size !== undefined) return size;
    }
    return undefined;
  }

  async open(content: Content, offset: number): Promise<ByteReader> {
    const [part] = await this.holders(content);
    if (part) return await part.open(content, offset);
    throw new HangarError("not-found", `no archive holds ${content.digest}`);
  }

  /** The archives that hold some content of this size. */
  async holders({ digest, size }: Content): Promise<readonly Part[]> {
    const holders: Part[] = [];
    for (const part of this.#parts) {
      if (await part.sizeOf(digest) === size) holders.push(part);
    }
    return holders;
  }
}
