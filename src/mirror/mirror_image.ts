/**
 * One image, from its source to its destination reference.
 *
 * @module
 */

import { copyBlobs, copyGraph } from "../copy/copy_graph.ts";
import { placeName } from "../copy/sides.ts";
import { HangarError } from "../errors.ts";
import { digestAlgorithm } from "../oci/digest.ts";
import type { ImageSigner } from "../signing/image_signer.ts";
import { allOf, together } from "../together.ts";
import { ImageFacts } from "./sign/attested_facts.ts";
import { attestImage, type AttestOptions } from "./sign/image_attestations.ts";
import {
  type Acceptance,
  type ImageJudge,
  ImagePolicy,
} from "./check_policy.ts";
import { decide } from "./decide/decide_image.ts";
import type { DecidedImage, Decision } from "./decide/decision.ts";
import { IndexRefused, type SparseTrials } from "./decide/sparse_trials.ts";
import {
  platformDigests,
  rebuiltText,
  skippedText,
  sparseText,
  tellKept,
  tellLost,
} from "./decide/tell_image.ts";
import type { CommonOptions } from "./entry_options.ts";
import { type OwnSteps, ownSteps } from "./entry_steps.ts";
import type { ExistingTags } from "./existing_tags.ts";
import { ImageAttachments } from "./image_attachments.ts";
import {
  type ImageJob,
  type ImageResult,
  type ImageRun,
  openImage,
  type RunServices,
} from "./image_run.ts";
import { type Quarantine, tooYoung } from "./quarantine.ts";
import { imageToSign, signTargets, unsignedText } from "./sign/sign_image.ts";
import { ImageWriter } from "./write_image.ts";

/** How images are looked at, by all who read a decision. */
export interface ImageOptions extends CommonOptions {
  /**
   * Whether signatures and referrers come along.
   *
   * @default {true}
   */
  readonly signatures?: boolean;
  /** Judges what is copied. @default {everything is accepted} */
  readonly judge?: ImageJudge;
  /** What is there already is left alone. @default {nothing is} */
  readonly existing?: ExistingTags;
  /** What is too young is left alone. @default {nothing is} */
  readonly quarantine?: Quarantine;
}

/** How images are mirrored. */
export interface MirrorOptions extends ImageOptions {
  /** Signs what is at the destination. @default {nothing is signed} */
  readonly signer?: ImageSigner;
  /** Attests where it came from. @default {nothing is attested} */
  readonly attest?: AttestOptions;
}

/** A decision, and by whose signatures the policy accepted it. */
interface JudgedDecision {
  readonly decision: DecidedImage;
  readonly acceptance?: Acceptance;
}

/** How often a tag is merged anew that somebody else writes to. */
const MAX_ROUNDS = 5;

/** Whether an image is left alone, since it is there. */
export async function isLeftAlone(
  { task, events, signal }: ImageJob,
  { existing }: Pick<ImageOptions, "existing">,
): Promise<boolean> {
  const warn = (message: string) => events.warn(message);
  return await existing?.has(task.destination, warn, signal) ?? false;
}

/** Decides, and finds out meanwhile what looking for attachments begins with. */
async function decideAhead(
  run: ImageRun,
  options: ImageOptions,
): Promise<Decision> {
  const { sources, destination, signal } = run;
  const { signatures = true } = options;
  const ahead = signatures ? sources : [];
  const [decision] = await allOf([
    decide(run, options),
    allOf(
      ahead.map((side) => destination.services.finder.lookAhead(side, signal)),
    ),
  ]);
  return decision;
}

/** Mirrors one image. Nothing is tagged unless everything below it is there. */
export async function mirrorImage(
  job: ImageJob,
  services: RunServices,
  options: MirrorOptions,
): Promise<ImageResult> {
  if (await isLeftAlone(job, options)) return { kind: "present" };
  const run = await openImage(job, services, { recheck: options.overwrite });
  const own = ownSteps(run, services);
  return await new ImageMirror(run, services.sparse, options, own).mirror();
}

class ImageMirror {
  readonly #run: ImageRun;
  readonly #trials: SparseTrials;
  readonly #writer: ImageWriter;
  readonly #options: MirrorOptions;
  readonly #policy?: ImagePolicy;
  readonly #own: OwnSteps;
  /** Why this image's index is rebuilt, though it was to be kept. */
  #refusal?: IndexRefused;

  constructor(
    run: ImageRun,
    trials: SparseTrials,
    options: MirrorOptions,
    own: OwnSteps = {},
  ) {
    this.#run = run;
    this.#trials = trials;
    this.#writer = new ImageWriter(run, trials);
    this.#options = options;
    this.#own = own;
    this.#policy = ImagePolicy.of(options.judge, run);
  }

  /**
   * Where somebody else writes the tag meanwhile, or the registry refuses the
   * source's index, it is decided anew.
   */
  async mirror(): Promise<ImageResult> {
    const { destination, task } = this.#run;
    let wasWritten = false;
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      try {
        const result = await this.#round();
        if (result) {
          this.#tellRefusal();
          // An earlier round wrote what somebody else has merged since.
          const isOurs = wasWritten && result.kind === "up-to-date";
          return isOurs ? { ...result, kind: "copied" } : result;
        }
        wasWritten = true;
      } catch (error) {
        if (!(error instanceof IndexRefused) || this.#refusal) throw error;
        this.#refusal = error;
        if (error.isCertain) this.#tellRefusal();
      }
    }
    throw new HangarError(
      "conflict",
      `tag ${task.destination.tag} at destination ${
        placeName(destination)
      } was written by somebody else ${MAX_ROUNDS} times while it was merged`,
      { hint: "let one run at a time write a tag, and mirror it again" },
    );
  }

  /** Decides and writes; undefined where somebody else wrote the tag. */
  async #round(): Promise<ImageResult | undefined> {
    const { events } = this.#run;
    events.onPhase?.("checking");
    const decision = await decideAhead(this.#run, this.#decideOptions());
    if (decision.kind === "skipped") {
      events.warn(skippedText(decision));
      return decision;
    }
    const acceptance = await this.#policy?.checkImage(decision.origin);
    const judged = { decision, acceptance };
    const { sourceDigests, merge, sparse } = decision;
    const { digest } = decision.manifest.content;
    const platforms = platformDigests(decision.manifest);
    const told = { digest, sourceDigests, merge, sparse, platforms };
    if (decision.kind === "write" && this.#options.quarantine) {
      const { quarantine } = this.#options;
      const image = { sourceDigests, acceptance };
      const why = await tooYoung(this.#run, image, quarantine);
      if (why !== undefined) {
        events.warn(why);
        return { kind: "skipped", sourceDigests };
      }
    }
    const attachments = this.#attachmentsOf(decision);
    if (decision.kind === "up-to-date") {
      if (merge) tellKept(merge, events);
      await this.#attach(attachments, judged, { isAbsent: false });
      return { kind: "up-to-date", ...told };
    }
    await this.#own.beforeCopy?.();
    events.onPhase?.("copying");
    await this.#copyAndFind(decision, attachments);
    await this.#own.beforeWrite?.(digest);
    if (!await this.#write(judged, attachments)) return undefined;
    if (merge) {
      tellKept(merge, events);
      events.note?.(rebuiltText(merge, digest, sourceDigests), {
        isInOutcome: true,
      });
    }
    if (sparse) {
      tellLost(sparse, events);
      events.note?.(sparseText(sparse, digest), { isInOutcome: true });
    }
    return { kind: "copied", ...told };
  }

  /** An index that its registry does not take is rebuilt. */
  #decideOptions(): MirrorOptions {
    const { destination: { store } } = this.#run;
    const isRefused = this.#refusal || this.#trials.refuses(store.id);
    return this.#options.index === "sparse" && isRefused
      ? { ...this.#options, index: "rebuild" }
      : this.#options;
  }

  /** Once for each registry: what it refused, and what is done instead. */
  #tellRefusal(): void {
    const { destination: { store }, events } = this.#run;
    if (!this.#refusal || !this.#trials.learn(store.id)) return;
    events.warn(
      `destination ${store.id} does not take an index of which it lacks entries (${this.#refusal.answer}): its indexes are rebuilt from what is selected, and their digests are not the sources' (--index sparse)`,
    );
  }

  #attachmentsOf(
    { kind, origin }: DecidedImage,
  ): ImageAttachments | undefined {
    const { signatures = true, attachments: choice, fastCheck } = this.#options;
    const policy = this.#policy;
    const isLeftAlone = fastCheck && kind === "up-to-date";
    return signatures && !isLeftAlone
      ? new ImageAttachments(this.#run, origin, { policy, choice })
      : undefined;
  }

  async #copyAndFind(
    decision: DecidedImage,
    attachments: ImageAttachments | undefined,
  ): Promise<void> {
    await together<void>([
      (signal) => this.#copy(decision, signal),
      async (signal) => await attachments?.find(signal),
    ], this.#run.signal);
  }

  /** All that the manifest needs and a source has, children first. */
  async #copy(
    { manifest, origin, held }: DecidedImage,
    signal: AbortSignal,
  ): Promise<void> {
    const { sources, destination } = this.#run;
    if (manifest.kind === "image") {
      const source = sources[origin.top!.source]!;
      return await copyBlobs(source, destination, manifest, signal);
    }
    await together(
      origin.parts.filter((part) => part !== origin.top).map(
        ({ descriptor, source }) => (signal) =>
          copyGraph(sources[source]!, destination, descriptor, {
            signal,
            present: held,
            depth: 1,
          }),
      ),
      signal,
    );
  }

  /** The manifest itself; false where somebody else wrote the tag meanwhile. */
  async #write(
    judged: JudgedDecision,
    attachments: ImageAttachments | undefined,
  ): Promise<boolean> {
    const writer = this.#writer;
    const { decision } = judged;
    const { tag, digest } = this.#run.task.destination;
    const { events } = this.#run;
    if (digest === undefined) {
      await this.#attach(attachments, judged, { isAbsent: true });
      events.onPhase?.("tagging");
      const { overwrite, replace } = this.#options;
      if (!overwrite && !replace) return await writer.writeTag(decision);
      // Nothing is merged that could be lost.
      await writer.put(decision, tag!);
      return true;
    }
    // A tag makes its manifest known by its canonical digest alone.
    if (tag === undefined || digestAlgorithm(digest) !== "sha256") {
      await writer.put(decision, digest);
    }
    await this.#attach(attachments, judged, { isAbsent: tag !== undefined });
    events.onPhase?.("tagging");
    if (tag !== undefined) await writer.put(decision, tag);
    return true;
  }

  /**
   * Signatures and referrers, brought along and made; a manifest is there before
   * what refers to it.
   *
   * @param isAbsent whether the destination may not know the manifest yet
   */
  async #attach(
    attachments: ImageAttachments | undefined,
    judged: JudgedDecision,
    { isAbsent }: { readonly isAbsent: boolean },
  ): Promise<void> {
    const { signer, attest } = this.#options;
    const { decision } = judged;
    const { digest } = decision.manifest.content;
    const isNamed = signer !== undefined || attest !== undefined ||
      await attachments?.ofTop();
    if (isAbsent && isNamed) await this.#writer.put(decision, digest);
    await attachments?.follow();
    if (signer || attest) await this.#vouch(judged);
  }

  /** Signs and attests what came from the sources of this run, and nothing else. */
  async #vouch({ decision, acceptance }: JudgedDecision): Promise<void> {
    const { signer, attest, judge } = this.#options;
    const { events, signal } = this.#run;
    events.onPhase?.("signing");
    const { manifest, origin } = decision;
    const policy = this.#policy;
    const image = await imageToSign(this.#run, manifest, origin, policy);
    const targets = await signTargets(image, signal);
    const why = unsignedText(image);
    if (why !== undefined) events.warn(why);
    if (signer) {
      await together(
        targets.map((target) => async (signal) => {
          const isNew = await signer.sign({ ...target, signal });
          if (isNew) events.onAttachment?.("signed");
        }),
        signal,
      );
    }
    if (!attest) return;
    const facts = new ImageFacts(
      this.#run,
      decision,
      judge && { digest: judge.digest, acceptance },
    );
    const made = await attestImage(targets, facts, attest, signal);
    for (let i = 0; i < made; i++) events.onAttachment?.("attested");
  }
}
