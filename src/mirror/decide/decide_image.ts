/**
 * Decides what a destination reference must hold, from both sides. Mirroring
 * acts on the decision, a dry run reports it, validation compares with it.
 *
 * @module
 */

import type { Digest } from "../../oci/digest.ts";
import type { ImageRun } from "../image_run.ts";
import type { DecidedImage, DecideOptions, Decision } from "./decision.ts";
import { findHeld, NONE_HELD } from "./held_entries.ts";
import { originOfWhole } from "./image_origin.ts";
import { isUnusable, readDestination, readSource } from "./read_sides.ts";
import { fallbackOf } from "./sparse_index.ts";
import { TagDecider } from "./tag_decider.ts";

/** Decides; with two requests when both sides agree already. */
export async function decide(
  run: ImageRun,
  options: DecideOptions,
): Promise<Decision> {
  const { digest } = run.task.destination;
  return digest === undefined
    ? await new TagDecider(run, options).decide()
    : await decidePinned(run, digest, options);
}

/**
 * The same for what is read only: where the tag holds an index that was rebuilt,
 * as at a registry that does not take sources' indexes, that is what it must
 * hold.
 */
export async function decideAsHeld(
  run: ImageRun,
  options: DecideOptions,
): Promise<Decision> {
  const decision = await decide(run, options);
  if (decision.kind === "skipped") return decision;
  const again = () => decide(run, { ...options, index: "rebuild" });
  const held = await fallbackOf(decision, again);
  if (!held) return decision;
  run.events.warn(
    `the tag holds a rebuilt index, as where a registry does not take one of which it lacks entries: ${held.manifest.content.digest} instead of the source's ${decision.manifest.content.digest} (--index sparse)`,
  );
  return held;
}

/** An image that the list names by digest: copied whole, never merged. */
async function decidePinned(
  run: ImageRun,
  digest: Digest,
  { overwrite, index }: DecideOptions,
): Promise<DecidedImage> {
  const existing = overwrite
    ? undefined
    // A manifest that cannot be parsed is replaced: nothing is merged with it.
    : await readDestination(run).catch((error) => {
      if (isUnusable(error)) return undefined;
      throw error;
    });
  const isNamed = existing?.content.digest === digest;
  const manifest = isNamed
    ? existing
    : await readSource(run.sources[0]!, digest, run.signal);
  const entries = manifest.kind === "index" ? manifest.entries : [];
  const isTrusted = isNamed && index !== "sparse";
  const held = isTrusted ? NONE_HELD : await findHeld(run, entries, existing);
  const isHeld = isNamed &&
    (isTrusted || entries.every((entry) => held.has(entry.digest)));
  return {
    kind: isHeld ? "up-to-date" : "write",
    manifest,
    origin: originOfWhole(manifest),
    sourceDigests: [digest],
    existing,
    held,
  };
}
