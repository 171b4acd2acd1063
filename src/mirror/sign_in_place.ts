/**
 * Signing images that are mirrored already, and checking their signatures. There
 * is no source: a task's destination is where the image is and its signatures go.
 *
 * @module
 */

import type { CopyContext } from "../copy/copy_context.ts";
import { atDestination } from "../copy/sides.ts";
import { together } from "../together.ts";
import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import type {
  ImageSigner,
  SignatureChecker,
  SignTarget,
} from "./image_signer.ts";
import {
  contextsOf,
  type ImageEvents,
  type ImageResult,
  type MirrorTools,
} from "./mirror_image.ts";
import type { MirrorTask } from "./plan.ts";
import { signTargets } from "./sign_image.ts";

/** Reads an image that is in place, and names what of it can be signed. */
async function targetsInPlace(
  task: MirrorTask,
  tools: MirrorTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<{ readonly targets: SignTarget[]; readonly digest: Digest }> {
  const [context] = await contextsOf(
    { ...task, sources: [task.destination] },
    tools,
    events,
    signal,
  ) as [CopyContext];
  const { destination: store, destinationRepository } = context;
  const { tag, digest } = task.destination;
  const reference = digest ?? tag!;
  const manifest = await atDestination(
    context,
    `read ${reference} from`,
    (async () => {
      const content = await store.getManifest(
        destinationRepository,
        reference,
        { signal },
      );
      if (content) {
        return parseManifest(content.bytes, content.mediaType, content.digest);
      }
      throw new HangarError("not-found", "there is no such image", {
        status: 404,
        hint: "mirror it first, or check the name and tag in the list",
      });
    })(),
  );
  return {
    targets: await signTargets(context, manifest, task.destination, signal),
    digest: manifest.content.digest,
  };
}

/** Signs an image that is in place already, with its children. */
export async function signInPlace(
  task: MirrorTask,
  signer: ImageSigner,
  tools: MirrorTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<ImageResult> {
  const { targets, digest } = await targetsInPlace(task, tools, events, signal);
  const made = await together(
    targets.map((target) => (signal) => signer.sign({ ...target, signal })),
    signal,
  );
  const fresh = made.filter((isNew) => isNew);
  for (const _ of fresh) events.onAttachment?.("signed");
  return { kind: fresh.length > 0 ? "signed" : "up-to-date", digest };
}

/** Checks the signatures of an image that is in place, and of its children. */
export async function checkInPlace(
  task: MirrorTask,
  checker: SignatureChecker,
  tools: MirrorTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<ImageResult> {
  const { targets, digest } = await targetsInPlace(task, tools, events, signal);
  const findings = await together(
    targets.map((target) => async (signal) =>
      await checker.isSigned({ ...target, signal })
        ? []
        : [`missing: a signature of ${target.descriptor.digest} by the key`]
    ),
    signal,
  );
  return findings.flat().length > 0
    ? { kind: "failed", findings: findings.flat() }
    : { kind: "passed", digest };
}
