/**
 * What mirroring one image would do. Reads only.
 *
 * @module
 */

import { planBlob } from "../copy/copy_blob.ts";
import type { CopyContext } from "../copy/copy_context.ts";
import { blobsOf, readManifest } from "../copy/copy_graph.ts";
import { atDestination } from "../copy/sides.ts";
import { together } from "../together.ts";
import {
  attestationSubject,
  depthInside,
  type Descriptor,
  type Manifest,
  parseManifest,
} from "../oci/manifest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { ImagePolicy } from "./check_policy.ts";
import {
  ImageDecider,
  type MirrorOptions,
  originOfWhole,
  type TagOrigin,
} from "./decide/decide_image.ts";
import type { ImagePlan } from "./events.ts";
import { ImageAttachments } from "./image_attachments.ts";
import {
  contextsOf,
  type ImageEvents,
  type ImageResult,
  type MirrorTools,
} from "./mirror_image.ts";
import type { MirrorTask } from "./plan.ts";
import { nothingText, rebuiltText, tellKept } from "./decide/tell_image.ts";
import { platformOfImage, sourceReader } from "./decide/image_reader.ts";

/** Works out what `mirrorImage` would do. */
export async function dryRunImage(
  task: MirrorTask,
  options: MirrorOptions,
  tools: MirrorTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<ImageResult> {
  const warn = (message: string) => events.warn(message);
  if (await tools.existing?.has(task.destination, warn, signal)) {
    return { kind: "present" };
  }
  const contexts = await contextsOf(task, tools, events, signal);
  const decider = new ImageDecider(task, options, contexts, signal);
  const { digest, tag } = task.destination;
  const policy = ImagePolicy.of(tools.policy, contexts, task.sources);
  const plan = new PlanWalk(contexts, { ...options, policy }, signal);
  if (digest !== undefined) {
    const context = contexts[0]!;
    const held = options.overwrite ? undefined : await atDestination(
      context,
      `read ${tag ?? digest} from`,
      context.destination.headManifest(
        context.destinationRepository,
        tag ?? digest,
        { signal },
      ),
    );
    const manifest = await decider.readSource(context, digest, digest);
    const origin = originOfWhole(manifest);
    await policy?.checkImage(origin, signal);
    const attachments = await plan.attachments(origin);
    const sourceDigests = [digest];
    if (held?.digest === digest) {
      return { kind: "up-to-date", digest, sourceDigests, attachments };
    }
    await plan.top(context, manifest);
    return {
      kind: "planned",
      digest,
      sourceDigests,
      plan: plan.result(manifest, attachments),
    };
  }
  const decision = await decider.decide();
  if (decision.kind === "skipped") {
    events.warn(nothingText(decision.nothing));
    return { kind: "skipped", nothing: decision.nothing };
  }
  const { origin, sourceDigests, merge } = decision;
  if (merge) tellKept(merge, events);
  await policy?.checkImage(origin, signal);
  const attachments = await plan.attachments(origin);
  if (decision.kind === "up-to-date") {
    const { digest } = decision.existing.content;
    return { kind: "up-to-date", digest, sourceDigests, merge, attachments };
  }
  const { merged, existing } = decision;
  const { content } = merged;
  if (merge) {
    events.note?.(rebuiltText(merge, content.digest, sourceDigests));
  }
  const manifest = parseManifest(
    content.bytes,
    content.mediaType,
    content.digest,
  );
  const held = new Set<string>(
    options.overwrite || existing?.kind !== "index"
      ? []
      : existing.entries.map((entry) => entry.digest),
  );
  if (manifest.kind === "image") {
    await plan.top(contexts[merged.verbatim!]!, manifest);
  } else {
    await together(
      merged.fromSources.filter((e) => !held.has(e.descriptor.digest)).map(
        ({ descriptor, source }) => () =>
          plan.child(contexts[source]!, descriptor, 1),
      ),
      signal,
    );
  }
  return {
    kind: "planned",
    digest: content.digest,
    sourceDigests,
    merge,
    plan: plan.result(manifest, attachments),
  };
}

interface PlanOptions extends MirrorOptions {
  readonly policy?: ImagePolicy;
}

class PlanWalk {
  readonly #contexts: readonly CopyContext[];
  readonly #options: PlanOptions;
  readonly #signal: AbortSignal;
  readonly #send = { blobs: 0, bytes: 0 };
  readonly #mount = { blobs: 0, bytes: 0 };
  #platforms: string[] = [];

  constructor(
    contexts: readonly CopyContext[],
    options: PlanOptions,
    signal: AbortSignal,
  ) {
    this.#contexts = contexts;
    this.#options = options;
    this.#signal = signal;
  }

  /** A child of an index, and what is below it. */
  async child(
    context: CopyContext,
    descriptor: Descriptor,
    depth: number,
  ): Promise<void> {
    await this.manifest(
      context,
      await readManifest(context, descriptor, this.#signal),
      depth,
    );
  }

  /** The manifest that the tag is to hold, and what is below it. */
  async top(context: CopyContext, manifest: Manifest): Promise<void> {
    if (manifest.kind === "image") await this.#notePlatform(context, manifest);
    await this.manifest(context, manifest);
  }

  /** What is below a manifest. */
  async manifest(
    context: CopyContext,
    manifest: Manifest,
    depth = 0,
  ): Promise<void> {
    if (manifest.kind === "index") {
      const inner = depthInside(depth, manifest.content.digest);
      await together(
        manifest.entries.map((entry) => () =>
          this.child(context, entry, inner)
        ),
        this.#signal,
      );
      return;
    }
    await together(
      blobsOf(manifest).map((blob) => async (signal) => {
        const how = await planBlob(context, blob, signal);
        if (how === "present") return;
        const sum = how === "sent" ? this.#send : this.#mount;
        sum.blobs++;
        sum.bytes += blob.size;
      }),
      this.#signal,
    );
  }

  async #notePlatform(
    context: CopyContext,
    manifest: Manifest & { kind: "image" },
  ): Promise<void> {
    const platform = await platformOfImage(
      sourceReader(context, (_, operation) => operation, this.#signal),
      manifest,
    );
    if (platform) this.#platforms = [formatPlatform(platform)];
  }

  /** How many signatures and referrers would come along. */
  async attachments(origin: TagOrigin): Promise<number> {
    if (this.#options.signatures === false) return 0;
    let lacking = 0;
    await new ImageAttachments(this.#contexts, origin, {
      signal: this.#signal,
      policy: this.#options.policy,
      audit: { lacks: () => lacking++ },
    }).follow();
    return lacking;
  }

  result(manifest: Manifest, attachments: number): ImagePlan {
    const platforms = manifest.kind === "index"
      ? manifest.entries.flatMap((entry) =>
        entry.platform && attestationSubject(entry) === undefined
          ? [formatPlatform(entry.platform)]
          : []
      )
      : this.#platforms;
    return {
      platforms,
      send: this.#send,
      mount: this.#mount,
      attachments,
    };
  }
}
