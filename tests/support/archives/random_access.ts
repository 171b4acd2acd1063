/**
 * Bytes in memory as a file that can be read from anywhere.
 *
 * @module
 */

import type { RandomAccess } from "../../../src/layout/random_access.ts";

/** Bytes in memory, opened as a file. */
export class OpenBytes implements RandomAccess, AsyncDisposable {
  readonly size: number;
  readonly #bytes: Uint8Array;
  /** How many bytes were read. */
  bytesRead = 0;
  isClosed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.byteLength;
  }

  read(offset: number, buffer: Uint8Array): Promise<number> {
    const piece = this.#bytes.subarray(offset, offset + buffer.byteLength);
    buffer.set(piece);
    this.bytesRead += piece.byteLength;
    return Promise.resolve(piece.byteLength);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

/** The whole content of a reader. */
export async function readAll(reader: {
  read(): Promise<Uint8Array | undefined>;
}): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await reader.read(); piece; piece = await reader.read()) {
    pieces.push(piece.slice());
  }
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}
