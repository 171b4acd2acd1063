/**
 * Leaves alone what is too young: a poisoned release is usually found within
 * days.
 *
 * @module
 */

import { formatReference } from "../names/reference.ts";
import type { Digest } from "../oci/digest.ts";
import type { FirstSeen } from "./first_seen.ts";
import type { ImageRun } from "./image_run.ts";

/** How old images must be. */
export interface Quarantine {
  /** In ms. */
  readonly minAgeMs: number;
  readonly seen: FirstSeen;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether images that are new are recorded; a dry run does not. */
  readonly mayWrite: boolean;
}

/**
 * Why an image is left alone; undefined where it is old enough. Of several
 * sources, the youngest counts.
 *
 * @param digests what the sources point at, in their order
 */
export async function tooYoung(
  { task, destination, signal }: ImageRun,
  digests: readonly Digest[],
  { minAgeMs, seen, now, mayWrite }: Quarantine,
): Promise<string | undefined> {
  let since = -Infinity;
  for (const [i, source] of task.sources.entries()) {
    const digest = digests[i] ?? digests[0];
    if (digest === undefined) continue;
    const name = formatReference(source);
    const how = { mayWrite, signal };
    since = Math.max(
      since,
      await seen.since(destination, name, digest, how),
    );
  }
  const until = since + minAgeMs;
  return now() >= until
    ? undefined
    : `left alone: it was first seen at ${
      timeText(since)
    }, and is copied from ${timeText(until)} on (--min-age)`;
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
