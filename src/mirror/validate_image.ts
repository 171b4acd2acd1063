/**
 * Whether a destination holds what mirroring should have put there. Reads only.
 *
 * @module
 */

import type { AttachmentAudit } from "../copy/attachments/attachment_walk.ts";
import type { DestinationSide } from "../copy/destination_side.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { AttestationReader } from "../signing/attester.ts";
import type { SignatureChecker } from "../signing/image_signer.ts";
import { together } from "../together.ts";
import { ImageFacts } from "./sign/attested_facts.ts";
import { auditAttestations } from "./sign/image_attestations.ts";
import { type Acceptance, ImagePolicy } from "./check_policy.ts";
import { decideAsHeld } from "./decide/decide_image.ts";
import type { DecidedImage } from "./decide/decision.ts";
import { readDestination } from "./decide/read_sides.ts";
import type { ImageOrigin } from "./decide/image_origin.ts";
import { platformDigests, skippedText, tellKept } from "./decide/tell_image.ts";
import {
  type Depth,
  describeFault,
  DestinationWalk,
  nameOf,
} from "./destination_walk.ts";
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
import { imageToSign, signTargets, unsignedText } from "./sign/sign_image.ts";

export type { Depth };

/** How images are validated. */
export interface ValidateOptions extends ImageOptions {
  readonly depth: Depth;
  /** Signatures that must be there. @default {none} */
  readonly checker?: SignatureChecker;
  /** Attestations that must be there. @default {none} */
  readonly attester?: AttestationReader;
}

/** Validates one image; the findings say what is missing or different. */
export async function validateImage(
  job: ImageJob,
  services: RunServices,
  options: ValidateOptions,
): Promise<ImageResult> {
  if (options.existing) {
    const { tag, digest } = job.task.destination;
    return await isLeftAlone(job, options)
      ? { kind: "passed" }
      : { kind: "failed", findings: [`missing: ${tag ?? digest}`] };
  }
  const run = await openImage(job, services);
  const decision = await decideAsHeld(run, options);
  if (decision.kind === "skipped") {
    run.events.warn(skippedText(decision));
    return decision;
  }
  return await new ImageValidation(run, options).validate(decision);
}

class ImageValidation {
  readonly #run: ImageRun;
  readonly #options: ValidateOptions;
  readonly #policy?: ImagePolicy;
  readonly #walk: DestinationWalk;

  constructor(run: ImageRun, options: ValidateOptions) {
    this.#run = run;
    this.#options = options;
    this.#policy = ImagePolicy.of(options.judge, run);
    this.#walk = this.#walkOf(run.destination);
  }

  #walkOf(destination: DestinationSide): DestinationWalk {
    const { depth } = this.#options;
    return new DestinationWalk(destination, depth, this.#run.signal);
  }

  async validate(decision: DecidedImage): Promise<ImageResult> {
    const { manifest: want, origin, sourceDigests, merge, sparse } = decision;
    const { overwrite, quarantine } = this.#options;
    const acceptance = await this.#policy?.checkImage(origin);
    const image = { sourceDigests, acceptance };
    const why = decision.kind === "write" && quarantine &&
      await tooYoung(this.#run, image, quarantine);
    if (why) {
      this.#run.events.warn(why);
      return { kind: "skipped", sourceDigests };
    }
    if (merge) tellKept(merge, this.#run.events);
    const isPinned = this.#run.task.destination.digest !== undefined;
    // A decision does not read what it replaces in any case, nor does it say why
    // that cannot be understood.
    const held = decision.existing ??
      (overwrite || isPinned ? await readDestination(this.#run) : undefined);
    const findings = [
      ...this.#compare(want, held),
      ...held ? await this.#walk.below(copiedOf(want, origin), held) : [],
      ...await this.#attached(decision),
      ...held ? await this.#vouched(held, decision, acceptance) : [],
    ];
    const { digest } = want.content;
    const platforms = platformDigests(want);
    const told = { sourceDigests, merge, sparse, platforms };
    return findings.length > 0
      ? { kind: "failed", findings: [...new Set(findings)], ...told }
      : { kind: "passed", digest, ...told };
  }

  /**
   * The wanted parts that the reference lacks, and the parts it has in
   * addition.
   */
  #compare(want: Manifest, held: Manifest | undefined): string[] {
    const { tag, digest } = this.#run.task.destination;
    if (!held) {
      return [
        digest === undefined
          ? `missing: tag ${tag}`
          : `missing: ${tag ?? digest}`,
      ];
    }
    if (held.content.digest === want.content.digest) return [];
    return digest === undefined ? compareTags(want, held) : [
      `different: ${tag ?? digest} is ${held.content.digest}, want ${digest}`,
    ];
  }

  /** Faults of the signatures and referrers that mirroring would copy. */
  async #attached({ kind, origin }: DecidedImage): Promise<string[]> {
    const { signatures, attachments, fastCheck } = this.#options;
    if (signatures === false) return [];
    if (fastCheck && kind === "up-to-date") return [];
    const findings: string[] = [];
    const auditBy = (walk: DestinationWalk): AttachmentAudit => ({
      lacks({ name, subject }, fault) {
        findings.push(describeFault(`${name} for ${subject}`, fault));
      },
      async examine(attachment, digest) {
        findings.push(...await walk.attachment(attachment, digest));
      },
    });
    const elsewhere = this.#run.referrerSides?.destination;
    await new ImageAttachments(this.#run, origin, {
      policy: this.#policy,
      choice: attachments,
      audit: auditBy(this.#walk),
      auditElsewhere: elsewhere && auditBy(this.#walkOf(elsewhere)),
    }).follow();
    return findings;
  }

  /** What this run would have signed and attested, and is not. */
  async #vouched(
    manifest: Manifest,
    decision: DecidedImage,
    acceptance: Acceptance | undefined,
  ): Promise<string[]> {
    const { checker, attester, judge } = this.#options;
    if (!checker && !attester) return [];
    const { events, signal } = this.#run;
    const policy = this.#policy;
    const { origin } = decision;
    const image = await imageToSign(this.#run, manifest, origin, policy);
    const targets = await signTargets(image, signal);
    const why = unsignedText(image);
    if (why !== undefined) events.warn(why);
    const missing = await together(
      targets.map((target) => async (signal) =>
        !checker || await checker.isSigned({ ...target, signal })
          ? []
          : [`missing: own signature of ${target.descriptor.digest}`]
      ),
      signal,
    );
    if (!attester) return missing.flat();
    const facts = new ImageFacts(
      this.#run,
      decision,
      judge && { digest: judge.digest, acceptance },
    );
    return [
      ...missing.flat(),
      ...await auditAttestations(targets, facts, attester, signal),
    ];
  }
}

/** A manifest without the entries that are not copied. */
function copiedOf(manifest: Manifest, { leftOut }: ImageOrigin): Manifest {
  if (manifest.kind === "image" || leftOut.size === 0) return manifest;
  const entries = manifest.entries.filter(({ digest }) => !leftOut.has(digest));
  return { ...manifest, entries };
}

/**
 * The entries that an index lacks of the wanted one, and those it has in
 * addition.
 */
function compareTags(want: Manifest, held: Manifest): string[] {
  if (want.kind === "image" || held.kind === "image") {
    return [
      `different: the tag holds ${held.content.digest}, want ${want.content.digest}`,
    ];
  }
  const has = new Set(held.entries.map((entry) => entry.digest));
  const wants = new Set(want.entries.map((entry) => entry.digest));
  const findings = [
    ...want.entries.filter((e) => !has.has(e.digest)).map((e) =>
      `missing: ${nameOf(e)} in the index`
    ),
    ...held.entries.filter((e) => !wants.has(e.digest)).map((e) =>
      `unexpected: ${nameOf(e)} in the index`
    ),
  ];
  return findings.length > 0 ? findings : [
    `different: the index has the right entries, but is ${held.content.digest}, want ${want.content.digest}`,
  ];
}
