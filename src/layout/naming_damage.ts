/**
 * Content that is kept in several files: damage is told with their names.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { describeError, HangarError } from "../errors.ts";
import { DigestVerifier } from "../oci/digest.ts";
import type { Content } from "./content.ts";

/** The error that names the files which hold damaged content. */
function damagedIn(files: readonly string[], cause: HangarError): HangarError {
  return new HangarError(
    "content-mismatch",
    `it is damaged in ${files.join(" or ")}: ${describeError(cause)}`,
    { cause },
  );
}

/** Names the files in the error where content does not have its digest. */
export function namingFiles<T>(files: readonly string[], check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (files.length === 0 || !(error instanceof HangarError)) throw error;
    throw damagedIn(files, error);
  }
}

/**
 * Reads content from its begin on, and checks it.
 *
 * @param files those that hold it
 */
export function checkedReader(
  reader: ByteReader,
  content: Content,
  files: readonly string[],
): ByteReader {
  const verifier = new DigestVerifier(content);
  return {
    ...reader.release && {
      release: (piece: Uint8Array) => reader.release!(piece),
    },
    read: async () => {
      const piece = await reader.read();
      if (!piece) return undefined;
      namingFiles(files, () => {
        verifier.update(piece);
        if (verifier.received === content.size) verifier.finish();
      });
      return piece;
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
