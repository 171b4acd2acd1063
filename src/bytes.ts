/**
 * Content, piece by piece.
 *
 * @module
 */

/** Reads content. Nothing is read ahead: one piece for each one asked for. */
export interface ByteReader {
  /** The next piece; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Lets go of what is left; it never fails. */
  cancel(reason?: unknown): Promise<void>;
  /**
   * Frees the memory of a piece that it has given, which its caller needs no
   * more. Otherwise it stays until the garbage is collected. A reader whose
   * pieces others may hold too has no such method.
   */
  release?(piece: Uint8Array): void;
}

/** Frees the memory of bytes that nobody holds any more. */
export function free({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}

/** Reads bytes that are at hand. */
export function bytesReader(bytes: Uint8Array): ByteReader {
  let left: Uint8Array | undefined = bytes;
  return {
    read: () => {
      const piece = left;
      left = undefined;
      return Promise.resolve(piece?.byteLength ? piece : undefined);
    },
    cancel: () => {
      left = undefined;
      return Promise.resolve();
    },
  };
}
