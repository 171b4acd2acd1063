/**
 * What mirroring one image would do. Reads only.
 *
 * @module
 */

import { planBlob } from "../copy/blobs/copy_blob.ts";
import { blobsOf } from "../copy/copy_graph.ts";
import { readManifest } from "../copy/read_manifest.ts";
import type { SourceSide } from "../copy/sides.ts";
import { walkEntries } from "../copy/walk_entries.ts";
import {
  attestationSubject,
  type ImageManifest,
  type Manifest,
} from "../oci/manifest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { together } from "../together.ts";
import { ImagePolicy } from "./check_policy.ts";
import { decideAsHeld } from "./decide/decide_image.ts";
import type { DecidedImage } from "./decide/decision.ts";
import type { ImagePart } from "./decide/image_origin.ts";
import { platformOfImage, sourceReader } from "./decide/image_reader.ts";
import {
  platformDigests,
  rebuiltText,
  skippedText,
  sparseText,
  tellKept,
  tellLost,
} from "./decide/tell_image.ts";
import type { ImagePlan } from "./events.ts";
import { ImageAttachments } from "./image_attachments.ts";
import {
  type ImageJob,
  type ImageResult,
  type ImageRun,
  openImage,
  type RunServices,
} from "./image_run.ts";
import { type ImageOptions, isLeftAlone } from "./mirror_image.ts";
import { tooYoung } from "./quarantine.ts";

/** Works out what `mirrorImage` would do. */
export async function dryRunImage(
  job: ImageJob,
  services: RunServices,
  options: ImageOptions,
): Promise<ImageResult> {
  if (await isLeftAlone(job, options)) return { kind: "present" };
  const run = await openImage(job, services);
  const { events } = run;
  const decision = await decideAsHeld(run, options);
  if (decision.kind === "skipped") {
    events.warn(skippedText(decision));
    return decision;
  }
  const { manifest, origin, sourceDigests, merge, sparse } = decision;
  if (merge) tellKept(merge, events);
  if (sparse) tellLost(sparse, events);
  const policy = ImagePolicy.of(options.judge, run);
  const acceptance = await policy?.checkImage(origin);
  const why = decision.kind === "write" && options.quarantine &&
    await tooYoung(run, { sourceDigests, acceptance }, options.quarantine);
  if (why) {
    events.warn(why);
    return { kind: "skipped", sourceDigests };
  }
  const { signatures = true } = options;
  const attachments = signatures
    ? await countLacking(run, decision, policy, options)
    : 0;
  const { digest } = manifest.content;
  const told = {
    digest,
    sourceDigests,
    merge,
    sparse,
    platforms: platformDigests(manifest),
  };
  if (decision.kind === "up-to-date") {
    return { kind: "up-to-date", ...told, attachments };
  }
  if (merge) events.note?.(rebuiltText(merge, digest, sourceDigests));
  if (sparse) events.note?.(sparseText(sparse, digest));
  const content = await new ContentPlan(run).work(decision);
  const platforms = await platformsOf(run, decision);
  const plan: ImagePlan = { platforms, ...content, attachments };
  return { kind: "planned", ...told, plan };
}

/** How many signatures and referrers would come along. */
async function countLacking(
  run: ImageRun,
  { kind, origin }: DecidedImage,
  policy: ImagePolicy | undefined,
  { attachments, fastCheck }: ImageOptions,
): Promise<number> {
  if (fastCheck && kind === "up-to-date") return 0;
  let lacking = 0;
  const audit = { lacks: () => lacking++ };
  const choice = attachments;
  await new ImageAttachments(run, origin, { policy, audit, choice }).follow();
  return lacking;
}

/** The platforms of what the reference is to hold. */
async function platformsOf(
  { sources, signal }: ImageRun,
  { manifest, origin }: DecidedImage,
): Promise<string[]> {
  if (manifest.kind === "index") {
    return manifest.entries.flatMap((entry) =>
      entry.platform && attestationSubject(entry) === undefined &&
        !origin.leftOut.has(entry.digest)
        ? [formatPlatform(entry.platform)]
        : []
    );
  }
  const reader = sourceReader(sources[origin.top!.source]!, signal);
  const platform = await platformOfImage(reader, manifest);
  return platform ? [formatPlatform(platform)] : [];
}

/** Works out which blobs would be sent, and which mounted. */
class ContentPlan {
  readonly #run: ImageRun;
  readonly #send = { blobs: 0, bytes: 0 };
  readonly #mount = { blobs: 0, bytes: 0 };

  constructor(run: ImageRun) {
    this.#run = run;
  }

  /** All entries that the destination's reference does not name yet. */
  async work(
    { manifest, origin, held }: DecidedImage,
  ): Promise<Pick<ImagePlan, "send" | "mount">> {
    const { sources, signal } = this.#run;
    if (manifest.kind === "image") {
      await this.#image(sources[origin.top!.source]!, manifest, signal);
    } else {
      await together(
        origin.parts.filter((part) =>
          part !== origin.top && !held.has(part.descriptor.digest)
        ).map((part) => (signal) => this.#part(part, signal)),
        signal,
      );
    }
    return { send: this.#send, mount: this.#mount };
  }

  async #part(
    { descriptor, source: position }: ImagePart,
    signal: AbortSignal,
  ): Promise<void> {
    const source = this.#run.sources[position]!;
    const child = await readManifest(source, descriptor, { signal });
    await this.#manifest(source, child, signal);
  }

  async #manifest(
    source: SourceSide,
    manifest: Manifest,
    signal: AbortSignal,
  ): Promise<void> {
    if (manifest.kind === "image") {
      return await this.#image(source, manifest, signal);
    }
    await walkEntries<void>(manifest, async (entry, { signal, inside }) => {
      const child = await readManifest(source, entry, { signal });
      if (child.kind === "index") await inside(child);
      else await this.#image(source, child, signal);
    }, { signal, depth: 1 });
  }

  async #image(
    source: SourceSide,
    image: ImageManifest,
    signal: AbortSignal,
  ): Promise<void> {
    await together(
      blobsOf(image, source).map((blob) => async (signal) => {
        const { destination } = this.#run;
        const how = await planBlob(source, destination, blob, { signal });
        if (how === "present") return;
        const sum = how === "sent" ? this.#send : this.#mount;
        sum.blobs++;
        sum.bytes += blob.size;
      }),
      signal,
    );
  }
}
