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
  NamedChecker,
  SignTarget,
} from "../signing/image_signer.ts";
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

/** Which parts of an image must be signed, as a flag says it. */
export const REQUIRED = ["index", "children", "all"] as const;

/** Which parts of an image must be signed. */
export type Required = typeof REQUIRED[number];

/** What the parts are called in verdicts. */
export const REQUIRED_PARTS: Readonly<Record<Required, string>> = {
  index: "the index, or the single image",
  children: "the children of the index, or the single image",
  all: "index and children, or the single image",
};

/**
 * Checks the signatures of an image that is in place: of what its tag holds, of
 * the children, or of both. A single image is all of these.
 */
export async function checkInPlace(
  task: MirrorTask,
  { checker, required }: {
    readonly checker: NamedChecker;
    readonly required: Required;
  },
  tools: MirrorTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<ImageResult> {
  const { targets, digest } = await targetsInPlace(task, tools, events, signal);
  const signed = await together(
    targets.map((target) => (signal) =>
      checker.isSigned({ ...target, signal })
    ),
    signal,
  );
  const parts = targets.map(({ descriptor }, i) => ({
    digest: descriptor.digest,
    isTop: i === 0,
    isSigned: signed[i]!,
  }));
  const isNeeded = ({ isTop }: { readonly isTop: boolean }) =>
    parts.length === 1 || required === "all" ||
    isTop === (required === "index");
  const missing = parts.filter((part) => isNeeded(part) && !part.isSigned);
  if (missing.length === 0) return { kind: "passed", digest };
  const [top, ...children] = parts;
  const count = children.filter(({ isSigned }) => isSigned).length;
  return {
    kind: "failed",
    findings: [
      ...missing.map((part) =>
        `missing: a signature of ${part.digest} by ${checker.by}`
      ),
      ...(children.length > 0
        ? [
          `required: ${required} (--require); found: the index is ${
            top!.isSigned ? "signed" : "not signed"
          }, ${count} of its ${children.length} children are`,
        ]
        : []),
    ],
  };
}
