/**
 * What both sides have under a tag: a first look, before anything is selected.
 *
 * @module
 */

import { atSource, type SourceSide } from "../../copy/sides.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import { together } from "../../together.ts";
import type { ImageRun } from "../image_run.ts";
import type { DecideOptions } from "./decision.ts";
import {
  absent,
  isUnusable,
  readDestination,
  readSource,
} from "./read_sides.ts";

/** What a source has under a tag. */
export interface SourceLook {
  readonly digest: Digest;
  /** The manifest itself, where it was read at once. */
  readonly manifest?: Manifest;
}

/** The tag of one of the sources. */
export function tagOf(
  { task }: Pick<ImageRun, "task">,
  source: number,
): string {
  return task.sources[source]!.tag!;
}

/** Looks at all sources and the destination, side by side. */
export async function lookAtBothSides(
  run: ImageRun,
  { replace }: Pick<DecideOptions, "replace">,
): Promise<[SourceLook[], Manifest | undefined]> {
  const { sources, destination } = run;
  let existing: Manifest | undefined;
  const looks: SourceLook[] = [];
  await together<void>([
    ...sources.map((source, i) => async (signal: AbortSignal) => {
      looks[i] = await lookAtSource({ ...run, signal }, source, i);
    }),
    async (signal) => {
      existing = await readDestination({ ...run, signal }).catch((error) => {
        // Nothing is merged with it, so it need not be understood.
        if (replace && isUnusable(error)) return undefined;
        throw error;
      });
    },
  ], run.signal);
  const { store, services: { expected } } = destination;
  const digest = existing?.content.digest;
  expected.image.note(store.id, looks.some((look) => look.digest !== digest));
  return [looks, existing];
}

/**
 * What a source has under the tag: by HEAD, which counts for no quota, and is all
 * that is needed where the destination has it. Where it is likely to lack it, the
 * manifest is read at once.
 */
async function lookAtSource(
  run: ImageRun,
  source: SourceSide,
  i: number,
): Promise<SourceLook> {
  const { destination, company, hasQuota, task, signal } = run;
  const tag = tagOf(run, i);
  const isLacking = destination.services.expected.image
    .isLikely(destination.store.id);
  // Several destinations share what is read by its digest.
  if (isLacking && !company && !hasQuota?.(task.sources[i]!)) {
    const manifest = await readSource(source, tag, signal);
    return { digest: manifest.content.digest, manifest };
  }
  const { store, repository } = source;
  const head = await atSource(
    source,
    `tag ${tag}`,
    store.headManifest(repository, tag, { signal }),
  );
  return { digest: head?.digest ?? absent(source, tag) };
}
