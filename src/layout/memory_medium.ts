/**
 * Content in memory, on top of what an archive holds: for what is only worked
 * out.
 *
 * @module
 */

import { type ByteReader, bytesReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Content } from "./content.ts";
import type { IncomingContent, Medium, MediumReader } from "./medium.ts";
import { notThere } from "./tar/tar_reader.ts";

/** How much the real medium would take, and has. */
export interface Room {
  cost(content: Iterable<Content>): number;
  free(): Promise<number>;
}

/** Keeps what is written in memory. */
export class MemoryMedium implements Medium {
  readonly name: string;
  readonly #base?: MediumReader;
  readonly #room: Room;
  readonly #bytes = new Map<Digest, Uint8Array>();

  constructor(name: string, room: Room, base?: MediumReader) {
    this.name = name;
    this.#room = room;
    this.#base = base;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    return this.#bytes.get(digest)?.length ?? await this.#base?.sizeOf(digest);
  }

  async open(content: Content, offset: number): Promise<ByteReader> {
    const bytes = this.#bytes.get(content.digest);
    if (bytes) return bytesReader(bytes.subarray(offset));
    if (this.#base) return await this.#base.open(content, offset);
    throw notThere(content.digest, this.name);
  }

  async readFile(path: string, limit: number): Promise<Uint8Array | undefined> {
    return await this.#base?.readFile(path, limit);
  }

  async *contents(): AsyncIterable<Content> {
    for (const [digest, { length }] of this.#bytes) {
      yield { digest, size: length };
    }
    if (this.#base) yield* this.#base.contents();
  }

  begin({ digest }: Content): Promise<IncomingContent> {
    const pieces: Uint8Array[] = [];
    return Promise.resolve({
      write: (bytes) => {
        pieces.push(bytes.slice());
        return Promise.resolve();
      },
      keep: async () => {
        const blob = new Blob(pieces.map((piece) => new Uint8Array(piece)));
        this.#bytes.set(digest, new Uint8Array(await blob.arrayBuffer()));
      },
      drop: () => Promise.resolve(),
    });
  }

  cost(content: Iterable<Content>): number {
    const kept = [...this.#bytes].map(([digest, { length }]) => ({
      digest,
      size: length,
    }));
    return this.#room.cost([...kept, ...content]);
  }

  async free(): Promise<number> {
    return await this.#room.free();
  }

  commit(): Promise<void> {
    return Promise.reject(
      new HangarError("usage", `${this.name} is only worked out`),
    );
  }

  async *leftovers(): AsyncIterable<Content> {}

  forget(digest: Digest): Promise<void> {
    this.#bytes.delete(digest);
    return Promise.resolve();
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
