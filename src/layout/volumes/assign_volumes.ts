/**
 * Which volume holds what.
 *
 * @module
 */

import type { VolumeContent } from "../archive_record.ts";
import { type Content, contentPath, PARTS_DIRECTORY } from "../content.ts";
import { BLOCK_BYTES, headerBytes, padded } from "../tar/tar_header.ts";

/** Whether a part is all of its content. */
export function isWhole({ offset, length, size }: VolumeContent): boolean {
  return offset === 0 && length === size;
}

/** The name of some content, or of a part of it, in the tar of a volume. */
export function partPath(part: VolumeContent): string {
  const { digest, offset } = part;
  return isWhole(part)
    ? contentPath(digest)
    : `${PARTS_DIRECTORY}${digest.replace(":", "-")}.${offset}`;
}

/** What a part takes in a tar, in bytes. */
export function partBytes(part: VolumeContent): number {
  return headerBytes(partPath(part), part.length) + padded(part.length);
}

/** What is left over in a volume is not looked at when it is less, in bytes. */
const LEAST_ROOM = 2 * BLOCK_BYTES;

/**
 * Distributes content: the largest first, each into the first volume that has
 * room. What is larger than a volume is continued in others. Equal content gives
 * equal volumes, in whatever order it comes.
 *
 * @param capacity what the entries of a volume may take, in bytes
 */
export function assignVolumes(
  contents: Iterable<Content>,
  capacity: number,
): VolumeContent[][] {
  const sorted = [...contents].sort((a, b) =>
    b.size - a.size || (a.digest < b.digest ? -1 : 1)
  );
  const volumes: VolumeContent[][] = [];
  const open: { readonly number: number; room: number }[] = [];
  for (const content of sorted) {
    for (const part of split(content, capacity)) {
      const bytes = partBytes(part);
      let at = open.findIndex(({ room }) => room >= bytes);
      if (at < 0) {
        const number = volumes.push([]) - 1;
        at = open.push({ number, room: capacity }) - 1;
      }
      const volume = open[at]!;
      volumes[volume.number]!.push(part);
      volume.room -= bytes;
      if (volume.room < LEAST_ROOM) open.splice(at, 1);
    }
  }
  return volumes;
}

/** The parts of some content, none larger than a volume. */
function* split(
  { digest, size }: Content,
  capacity: number,
): Iterable<VolumeContent> {
  const whole = { digest, size, offset: 0, length: size };
  if (partBytes(whole) <= capacity) {
    yield whole;
    return;
  }
  // Room for a header with a pax record.
  const most = (Math.floor(capacity / BLOCK_BYTES) - 3) * BLOCK_BYTES;
  for (let offset = 0; offset < size; offset += most) {
    yield { digest, size, offset, length: Math.min(most, size - offset) };
  }
}

/** The least that content may take in a volume, in bytes. */
export const MIN_CAPACITY: number = 16 * BLOCK_BYTES;

/** The path of a volume: `images.002.tar` of `images.tar`. */
export function volumePath(path: string, number: number): string {
  const digits = `${number}`.padStart(3, "0");
  return `${path.replace(/\.tar$/i, "")}.${digits}.tar`;
}

/** The number in the path of a volume, and the path of its set. */
export function volumeOf(
  path: string,
): { readonly path: string; readonly number: number } | undefined {
  const match = /^(.*)\.(\d{3,6})\.tar$/i.exec(path);
  return match
    ? { path: `${match[1]}.tar`, number: Number(match[2]) }
    : undefined;
}
