/**
 * Which entries of an image its destination holds already.
 *
 * @module
 */

import { atDestination } from "../../copy/sides.ts";
import type { Digest } from "../../oci/digest.ts";
import { distinct } from "../../oci/descriptor.ts";
import type { Descriptor, Manifest } from "../../oci/manifest.ts";
import { together } from "../../together.ts";
import type { ImageRun } from "../image_run.ts";

/** Manifests that the destination holds, with the media type it gives them. */
export type HeldEntries = ReadonlyMap<Digest, string>;

/** Nothing is known to be there. */
export const NONE_HELD: HeldEntries = new Map();

/**
 * Which of the wanted entries the destination holds, of those that its
 * reference names. Each is asked for with a HEAD: an index may name what its
 * registry never had.
 *
 * @param existing what the reference holds now
 */
export async function findHeld(
  { destination, signal }: Pick<ImageRun, "destination" | "signal">,
  wanted: readonly Descriptor[],
  existing: Manifest | undefined,
): Promise<HeldEntries> {
  if (!existing || destination.recheck) return NONE_HELD;
  if (existing.kind === "image") {
    const { digest, mediaType } = existing.content;
    return new Map([[digest, mediaType]]);
  }
  const { store, repository, services: { manifests } } = destination;
  const named = new Map(existing.entries.map((e) => [e.digest, e.mediaType]));
  const held = new Map<Digest, string>();
  await together(
    distinct(wanted).map(({ digest, mediaType }) => async (signal) => {
      if (named.get(digest) !== mediaType) return;
      const key = `${digest} ${mediaType}`;
      if (!manifests.holds(store.id, repository, key)) {
        const head = await atDestination(
          destination,
          `look for manifest ${digest} in`,
          store.headManifest(repository, digest, { signal }),
        );
        if (!head) return;
        manifests.addHolder(store.id, repository, key);
      }
      held.set(digest, mediaType);
    }),
    signal,
  );
  return held;
}
