/**
 * One image, from its source to its tag at the destination.
 *
 * @module
 */

import type {
  CopyContext,
  CopyEvents,
  CopyTools,
} from "../copy/copy_context.ts";
import { atDestination } from "../copy/sides.ts";
import { copyContent, copyGraph, putManifest } from "../copy/copy_graph.ts";
import { HangarError } from "../errors.ts";
import { allOf, together } from "../together.ts";
import { type Digest, digestAlgorithm } from "../oci/digest.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import type { DestinationStore, SourceStore } from "../oci/store.ts";
import type { PolicyJudge } from "../signatures/evaluate_policy.ts";
import {
  type Decision,
  ImageDecider,
  type MirrorOptions,
  originOfWhole,
  type TagOrigin,
} from "./decide/decide_image.ts";
import { ImagePolicy } from "./check_policy.ts";
import type {
  ImageMerge,
  ImagePlan,
  NothingSelected,
  OutcomeKind,
} from "./events.ts";
import type { EndpointChooser } from "./endpoints.ts";
import type { ExistingTags } from "./existing_tags.ts";
import { ImageAttachments } from "./image_attachments.ts";
import type { ImageSigner } from "../signing/image_signer.ts";
import type { ImageAddress, MirrorTask } from "./plan.ts";
import { signTargets, unsignedText } from "./sign_image.ts";
import { nothingText, rebuiltText, tellKept } from "./decide/tell_image.ts";

/** What mirroring works with. */
export interface MirrorTools extends CopyTools {
  readonly source: (image: ImageAddress) => SourceStore;
  readonly destination: (image: ImageAddress) => DestinationStore;
  readonly endpoints: EndpointChooser;
  /** Signs what is at the destination; nothing is signed without one. */
  readonly signer?: ImageSigner;
  /** Judges what is copied; everything is accepted without one. */
  readonly policy?: PolicyJudge;
  /** What is there already is left alone; nothing is without it. */
  readonly existing?: ExistingTags;
}

/** What came of an image. */
export interface ImageResult {
  readonly kind: OutcomeKind;
  /** What the destination reference points at now. */
  readonly digest?: Digest;
  /** What the sources' references point at, in their order. */
  readonly sourceDigests?: readonly Digest[];
  /** What is missing or different at the destination, one thing each. */
  readonly findings?: readonly string[];
  /** Set where the tag's index is, or would be, no source's own. */
  readonly merge?: ImageMerge;
  /** Set where nothing was selected. */
  readonly nothing?: NothingSelected;
  /** What a dry run worked out. */
  readonly plan?: ImagePlan;
  /** Signatures and referrers that a dry run would copy for what is there. */
  readonly attachments?: number;
}

/** What one image reports while it is worked on. */
export type ImageEvents = CopyEvents;

/** How often a tag is merged anew that somebody else writes to. */
const MAX_ROUNDS = 5;

/** Manifests that are read for one image; real ones need some dozens. */
const MAX_MANIFESTS = 2_000;

/** One context for each source of a task, read where it was found. */
export async function contextsOf(
  task: MirrorTask,
  tools: MirrorTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<CopyContext[]> {
  return await allOf(task.sources.map(async (image) => {
    const place = await tools.endpoints.choose(image, {
      reader: tools.source,
      warn: (message) => events.warn(message),
      signal,
    });
    return {
      ...tools,
      source: tools.source(place),
      sourceRepository: place.repository,
      destination: tools.destination(task.destination),
      destinationRepository: task.destination.repository,
      events,
      cache: new Map(),
      allowance: { manifests: MAX_MANIFESTS },
      manifestCache: new Map(),
      present: new Map<Digest, string>(),
    };
  }));
}

/** Mirrors one image. Nothing is tagged unless everything below it is there. */
export async function mirrorImage(
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
  const image = new ImageMirror(
    task,
    { ...options, signer: tools.signer, policy: tools.policy },
    contexts,
    events,
    signal,
  );
  return task.destination.digest === undefined
    ? await image.mirrorTag()
    : await image.mirrorPinned(task.destination.digest);
}

class ImageMirror {
  readonly #task: MirrorTask;
  readonly #options: MirrorOptions;
  readonly #signer?: ImageSigner;
  readonly #policy?: ImagePolicy;
  readonly #contexts: readonly CopyContext[];
  readonly #decider: ImageDecider;
  readonly #events: ImageEvents;
  readonly #signal: AbortSignal;

  constructor(
    task: MirrorTask,
    options: MirrorOptions & Pick<MirrorTools, "signer" | "policy">,
    contexts: readonly CopyContext[],
    events: ImageEvents,
    signal: AbortSignal,
  ) {
    this.#task = task;
    this.#options = options;
    this.#signer = options.signer;
    const recheck = options.overwrite ?? false;
    this.#contexts = contexts.map((context) => ({ ...context, recheck }));
    this.#policy = ImagePolicy.of(options.policy, contexts, task.sources);
    this.#decider = new ImageDecider(task, options, contexts, signal);
    this.#events = events;
    this.#signal = signal;
  }

  /**
   * Signatures and referrers, brought along and made; a manifest is there before
   * what refers to it.
   */
  async #attach(
    origin: TagOrigin,
    top: { readonly manifest: Manifest; readonly absent: boolean },
  ): Promise<void> {
    const { signatures = true } = this.#options;
    const attachments = new ImageAttachments(this.#contexts, origin, {
      signal: this.#signal,
      policy: this.#policy,
    });
    const isNamed = this.#signer !== undefined ||
      signatures && await attachments.ofTop();
    if (top.absent && isNamed) {
      const context = this.#contexts[origin.top?.source ?? 0]!;
      const { digest } = top.manifest.content;
      await putManifest(context, top.manifest, digest, this.#signal);
    }
    if (signatures) await attachments.follow();
    await this.#sign(top.manifest, origin.strangers);
  }

  /** Signs what came from the sources of this run, and nothing else. */
  async #sign(
    manifest: Manifest,
    strangers: ReadonlySet<string>,
  ): Promise<void> {
    const signer = this.#signer;
    if (!signer) return;
    const context = this.#contexts[0]!;
    const targets = await signTargets(
      context,
      manifest,
      this.#task.destination,
      this.#signal,
      strangers,
    );
    const why = unsignedText(manifest, strangers);
    if (why !== undefined) this.#events.warn(why);
    await together(
      targets.map((target) => async (signal) => {
        const isNew = await signer.sign({ ...target, signal });
        if (isNew) this.#events.onAttachment?.("signed");
      }),
      this.#signal,
    );
  }

  /** A digest asked for by name: whole, byte for byte, never merged. */
  async mirrorPinned(digest: Digest): Promise<ImageResult> {
    const signal = this.#signal;
    const context = this.#contexts[0]!;
    const { destination, destinationRepository } = context;
    const { tag } = this.#task.destination;
    const held = this.#options.overwrite ? undefined : await atDestination(
      context,
      `read ${tag ?? digest} from`,
      destination.headManifest(destinationRepository, tag ?? digest, {
        signal,
      }),
    );
    const isHeld = held?.digest === digest;
    const { signatures = true } = this.#options;
    if (isHeld && !signatures && !this.#signer && !this.#policy) {
      return { kind: "up-to-date", digest, sourceDigests: [digest] };
    }
    const manifest = await this.#decider.readSource(context, digest, digest);
    const origin = originOfWhole(manifest);
    await this.#policy?.checkImage(origin, signal);
    if (isHeld) {
      await this.#attach(origin, { manifest, absent: false });
      return { kind: "up-to-date", digest, sourceDigests: [digest] };
    }
    await copyContent(context, manifest, { signal });
    // A tag makes its manifest known by its canonical digest alone.
    if (tag === undefined || digestAlgorithm(digest) !== "sha256") {
      await putManifest(context, manifest, digest, signal);
    }
    await this.#attach(origin, { manifest, absent: tag !== undefined });
    if (tag !== undefined) await putManifest(context, manifest, tag, signal);
    return { kind: "copied", digest, sourceDigests: [digest] };
  }

  /**
   * A tag: selected, merged with what the destination's tag holds. Where
   * somebody else writes the tag meanwhile, it is merged anew.
   */
  async mirrorTag(): Promise<ImageResult> {
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const decision = await this.#decider.decide();
      if (decision.kind === "skipped") {
        this.#events.warn(nothingText(decision.nothing));
        return { kind: "skipped", nothing: decision.nothing };
      }
      await this.#policy?.checkImage(decision.origin, this.#signal);
      const { sourceDigests, merge } = decision;
      const told = { sourceDigests, merge };
      if (decision.kind === "up-to-date") {
        const { existing } = decision;
        const { digest } = existing.content;
        if (merge) tellKept(merge, this.#events);
        await this.#attach(decision.origin, {
          manifest: existing,
          absent: false,
        });
        // An earlier round wrote what somebody else has merged since.
        return { kind: round > 1 ? "copied" : "up-to-date", digest, ...told };
      }
      if (!await this.#copy(decision)) continue;
      const { digest } = decision.merged.content;
      if (merge) {
        tellKept(merge, this.#events);
        this.#events.note?.(rebuiltText(merge, digest, sourceDigests));
      }
      return { kind: "copied", digest, ...told };
    }
    throw new HangarError(
      "conflict",
      `tag ${this.#task.destination.tag} at destination ${
        this.#contexts[0]!.destination.id
      }/${
        this.#contexts[0]!.destinationRepository
      } was written by somebody else ${MAX_ROUNDS} times while it was merged`,
      { hint: "let one run at a time write a tag, and mirror it again" },
    );
  }

  /** Children first, the tag last; false where somebody else wrote the tag. */
  async #copy(
    { merged, existing, origin }: Decision & { kind: "write" },
  ): Promise<boolean> {
    const held = existing?.kind === "index"
      ? existing.entries
      : existing
      ? [existing.content]
      : [];
    const present = new Map<Digest, string>(
      held.map(({ digest, mediaType }) => [digest, mediaType]),
    );
    const manifest = parseManifest(
      merged.content.bytes,
      merged.content.mediaType,
      merged.content.digest,
    );
    const signal = this.#signal;
    const context = { ...this.#contexts[merged.verbatim ?? 0]!, present };
    if (manifest.kind === "image") {
      await copyContent(context, manifest, { signal });
    } else {
      await together(
        merged.fromSources.map(({ descriptor, source }) => (signal) =>
          copyGraph({ ...this.#contexts[source]!, present }, descriptor, {
            signal,
            depth: 1,
          })
        ),
        signal,
      );
    }
    await this.#attach(origin, { manifest, absent: true });
    return await this.#writeTag(context, manifest, existing);
  }

  /**
   * The commit point. What the tag holds is looked at right before and after:
   * two runs may fill it at the same time, and neither may lose the other's
   * platforms.
   */
  async #writeTag(
    context: CopyContext,
    manifest: Manifest,
    existing: Manifest | undefined,
  ): Promise<boolean> {
    const tag = this.#task.destination.tag!;
    const { digest } = manifest.content;
    // Nothing is merged that could be lost.
    const { overwrite } = this.#options;
    if (!overwrite && await this.#held() !== existing?.content.digest) {
      return false;
    }
    await putManifest(context, manifest, tag, this.#signal);
    if (overwrite) return true;
    // A registry that is slow to show it has not been written by others.
    const held = await this.#held();
    return held === undefined || held === digest;
  }

  /** What the destination's tag points at now. */
  async #held(): Promise<Digest | undefined> {
    const context = this.#contexts[0]!;
    const tag = this.#task.destination.tag!;
    const head = await atDestination(
      context,
      `read tag ${tag} from`,
      context.destination.headManifest(context.destinationRepository, tag, {
        signal: this.#signal,
      }),
    );
    return head?.digest;
  }
}
