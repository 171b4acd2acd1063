/**
 * What is done for an image because its list says so: waiting for a pull limit,
 * and keeping what a tag holds before it is replaced.
 *
 * @module
 */

import { delay } from "@std/async/delay";
import { copyGraph } from "../copy/copy_graph.ts";
import type { DestinationSide } from "../copy/destination_side.ts";
import { putManifest } from "../copy/put_manifest.ts";
import { readManifest } from "../copy/read_manifest.ts";
import { atDestination, atSource, type SourceSide } from "../copy/sides.ts";
import { counted } from "../counted.ts";
import { describeError } from "../errors.ts";
import type {
  EntrySettings,
  RateLimitSetting,
} from "../lists/entry_settings.ts";
import { formatReference } from "../names/reference.ts";
import type { Digest } from "../oci/digest.ts";
import { describeManifest } from "../oci/manifest.ts";
import { type ImageRun, MAX_MANIFESTS, type RunServices } from "./image_run.ts";

/** What is done for one image besides. */
export interface OwnSteps {
  /** Before anything of it is copied. */
  readonly beforeCopy?: () => Promise<void>;
  /** Before the tag is written, all else being there. */
  readonly beforeWrite?: (digest: Digest) => Promise<void>;
}

/** The steps that the image's list asks for. */
export function ownSteps(run: ImageRun, services: RunServices): OwnSteps {
  const { backup, rateLimit } = run.task.settings ?? {};
  return {
    beforeCopy: rateLimit && (() => waitForPulls(run, services, rateLimit)),
    beforeWrite: backup &&
      ((digest) => keepHeld(run, services, backup, digest)),
  };
}

/** Waits until the source's registry allows so many pulls. */
export async function waitForPulls(
  { task, sources, events, signal, untimed = (work) => work() }: Omit<
    ImageRun,
    "destination"
  >,
  { pullsLeft = () => undefined, wait = delay }: Pick<
    RunServices,
    "pullsLeft" | "wait"
  >,
  { min, retryMs }: RateLimitSetting,
): Promise<void> {
  const [image] = task.sources;
  const [source] = sources;
  const isEnough = () => (pullsLeft(image!) ?? Infinity) >= min;
  if (isEnough()) return;
  // A wait of minutes must not count as work.
  await untimed(async () => {
    while (!isEnough()) {
      events.note?.(
        `${image!.registry} allows ${
          counted(pullsLeft(image!)!, "more pull")
        }, and ${min} must be left: looked at again in ${retryMs / 1000} s`,
      );
      await wait(retryMs, { signal });
      await atSource(
        source!,
        "the pull limit",
        (source!.store.fresh ?? source!.store).headManifest(
          source!.repository,
          image!.digest ?? image!.tag!,
          { signal },
        ),
      );
    }
  });
}

/**
 * Copies what the tag holds to where the list says. As in regsync, the image is
 * mirrored even where that fails: the tag may hold what cannot be read.
 */
async function keepHeld(
  run: ImageRun,
  { stores, recentSources }: RunServices,
  backup: NonNullable<EntrySettings["backup"]>,
  digest: Digest,
): Promise<void> {
  const { task, destination, events, signal } = run;
  const { tag, reach, registry } = task.destination;
  if (tag === undefined) return;
  const { store, repository } = destination;
  const held = await atDestination(
    destination,
    `read tag ${tag} from`,
    store.headManifest(repository, tag, { signal }),
  );
  if (!held || held.digest === digest) return;
  try {
    const to = await backup({ registry, repository, tag });
    const place = to.registry === registry ? { ...to, reach } : to;
    const target = {
      ...destination,
      store: stores.destination(place),
      repository: to.repository,
    };
    recentSources?.willWrite(target);
    await copyHeld(destination, target, held, to.tag ?? held.digest, signal);
    events.note?.(`what ${tag} held is kept as ${formatReference(to)}`);
  } catch (error) {
    if (signal.aborted) throw error;
    events.warn(
      `what ${tag} holds, ${held.digest}, cannot be kept: ${
        describeError(error)
      }`,
    );
  }
}

async function copyHeld(
  from: DestinationSide,
  to: DestinationSide,
  held: {
    readonly digest: Digest;
    readonly mediaType: string;
    readonly size: number;
  },
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  const { store, repository } = from;
  const source: SourceSide = {
    store,
    repository,
    blobs: new Map(),
    manifests: new Map(),
    allowance: { manifests: MAX_MANIFESTS },
  };
  const manifest = await readManifest(
    source,
    { ...held, mediaType: "" },
    { signal, keep: true },
  );
  const isThere = to.store === store && to.repository === repository;
  if (!isThere) {
    await copyGraph(source, to, describeManifest(manifest.content), {
      signal,
      role: "root",
    });
  }
  await putManifest(to, manifest, reference, { role: "root", source, signal });
}
