/**
 * Leaves alone what is too young: a poisoned release is usually found within
 * days.
 *
 * @module
 */

import { formatReference } from "../names/reference.ts";
import type { Digest } from "../oci/digest.ts";
import type { Acceptance } from "./check_policy.ts";
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

/** An image whose age is asked for. */
export interface AgingImage {
  /** What its sources point at, in their order. */
  readonly sourceDigests: readonly Digest[];
  /** The signatures that the policy accepted. @default {it asks for none} */
  readonly acceptance?: Acceptance;
}

/**
 * Why an image is left alone; undefined where it is old enough. What counts is
 * when it was signed, where that is proven, else when it was first seen.
 */
export async function tooYoung(
  run: ImageRun,
  image: AgingImage,
  quarantine: Quarantine,
): Promise<string | undefined> {
  const { minAgeMs, now } = quarantine;
  const signed = signedSince(image.acceptance, now());
  const since = signed ?? await seenSince(run, image, quarantine);
  const until = since + minAgeMs;
  const what = signed === undefined ? "first seen" : "signed";
  return now() >= until
    ? undefined
    : `left alone: it was ${what} at ${timeText(since)}, and is copied from ${
      timeText(until)
    } on (--min-age)`;
}

/**
 * Since when an image is signed, all of it: of its parts, the youngest counts.
 * Undefined where the time of a part is not proven. A time to come says nothing.
 *
 * @param now milliseconds since the epoch
 */
export function signedSince(
  acceptance: Acceptance | undefined,
  now: number,
): number | undefined {
  const times: number[] = [];
  for (const signatures of acceptance?.values() ?? []) {
    const proven = signatures.flatMap(({ signedAt }) => signedAt ?? []);
    if (proven.length === 0) return undefined;
    times.push(...proven.map((time) => time.getTime()));
  }
  const isPast = times.every((time) => time > 0 && time <= now);
  return isPast && times.length > 0 ? Math.max(...times) : undefined;
}

/** Since when an image is known. Of several sources, the youngest counts. */
async function seenSince(
  { task, destination, signal }: ImageRun,
  { sourceDigests }: AgingImage,
  { seen, mayWrite }: Quarantine,
): Promise<number> {
  let since = -Infinity;
  for (const [i, source] of task.sources.entries()) {
    const digest = sourceDigests[i] ?? sourceDigests[0];
    if (digest === undefined) continue;
    const name = formatReference(source);
    const how = { mayWrite, signal };
    since = Math.max(
      since,
      await seen.since(destination, name, digest, how),
    );
  }
  return since;
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
