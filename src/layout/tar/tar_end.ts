/**
 * The end of a tar that is written: the files that describe what is in it, and
 * what makes readers find them.
 *
 * @module
 */

import { OWN_DIRECTORY } from "../content.ts";
import type { ArchiveFile } from "../files.ts";
import type { TarEntry } from "./scan_tar.ts";
import { BLOCK_BYTES, encodeHeader, END_BYTES, padded } from "./tar_header.ts";

/** The name of an entry that was replaced by a later one. */
const REPLACED = `${OWN_DIRECTORY}/replaced`;

/** Writes files from a position on, and ends the tar behind them. */
export async function writeEnd(
  file: Pick<ArchiveFile, "write" | "truncate">,
  from: number,
  files: readonly (readonly [name: string, bytes: Uint8Array])[],
): Promise<void> {
  let at = from;
  for (const [name, bytes] of files) {
    const header = encodeHeader(name, bytes.length);
    await file.write(at, header);
    at += header.length;
    await file.write(at, withPadding(bytes));
    at += padded(bytes.length);
  }
  await file.write(at, new Uint8Array(END_BYTES));
  await file.truncate(at + END_BYTES);
}

/**
 * Turns the end of a tar as it was into an entry, in one write: with it, readers
 * find all that follows.
 */
export async function showAppended(
  file: Pick<ArchiveFile, "write">,
  endAt: number,
): Promise<void> {
  const header = encodeHeader(REPLACED, END_BYTES - BLOCK_BYTES);
  await file.write(endAt, header);
}

/** Renames an entry that a later one has replaced, for readers of the first. */
export async function hideReplaced(
  file: Pick<ArchiveFile, "write">,
  { at, offset, size }: TarEntry,
): Promise<void> {
  if (offset - at !== BLOCK_BYTES) return;
  await file.write(at, encodeHeader(REPLACED, size));
}

function withPadding(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(padded(bytes.length));
  whole.set(bytes);
  return whole;
}
