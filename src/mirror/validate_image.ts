/**
 * Whether a destination holds what mirroring should have put there. Reads only.
 *
 * @module
 */

import type { CopyContext } from "../copy/copy_context.ts";
import { together } from "../together.ts";
import { type Manifest, parseManifest } from "../oci/manifest.ts";
import { ImagePolicy } from "./check_policy.ts";
import {
  ImageDecider,
  type MirrorOptions,
  originOfWhole,
  type TagOrigin,
} from "./decide/decide_image.ts";
import {
  type Depth,
  describeFault,
  DestinationWalk,
  nameOf,
} from "./destination_walk.ts";
import { ImageAttachments } from "./image_attachments.ts";
import {
  contextsOf,
  type ImageEvents,
  type ImageResult,
  type MirrorTools,
} from "./mirror_image.ts";
import type { SignatureChecker } from "../signing/image_signer.ts";
import type { MirrorTask } from "./plan.ts";
import { signTargets, unsignedText } from "./sign_image.ts";
import { nothingText, tellKept } from "./decide/tell_image.ts";

export type { Depth };

/** How images are validated. */
export interface ValidateOptions extends MirrorOptions {
  readonly depth: Depth;
}

/** What validating works with. */
export interface ValidateTools extends MirrorTools {
  /** Signatures that must be there; none without one. */
  readonly signatures?: SignatureChecker;
}

/** Validates one image; the findings say what is missing or different. */
export async function validateImage(
  task: MirrorTask,
  options: ValidateOptions,
  tools: ValidateTools,
  events: ImageEvents,
  signal: AbortSignal,
): Promise<ImageResult> {
  if (tools.existing) {
    const warn = (message: string) => events.warn(message);
    const { tag, digest } = task.destination;
    return await tools.existing.has(task.destination, warn, signal)
      ? { kind: "passed" }
      : { kind: "failed", findings: [`missing: ${tag ?? digest}`] };
  }
  const contexts = await contextsOf(task, tools, events, signal);
  const decider = new ImageDecider(task, options, contexts, signal);
  const walk = new DestinationWalk(contexts[0]!, options.depth, signal);
  const findings: string[] = [];
  const unsigned = async (
    manifest: Manifest,
    strangers: ReadonlySet<string> = new Set(),
  ) => {
    const checker = tools.signatures;
    if (!checker) return [];
    const targets = await signTargets(
      contexts[0]!,
      manifest,
      task.destination,
      signal,
      strangers,
    );
    const why = unsignedText(manifest, strangers);
    if (why !== undefined) events.warn(why);
    const missing = await together(
      targets.map((target) => async (signal) =>
        await checker.isSigned({ ...target, signal })
          ? []
          : [`missing: own signature of ${target.descriptor.digest}`]
      ),
      signal,
    );
    return missing.flat();
  };
  const policy = ImagePolicy.of(tools.policy, contexts, task.sources);
  const attached = async (origin: TagOrigin) =>
    options.signatures === false
      ? []
      : await attachmentFindings(contexts, origin, { walk, signal, policy });
  const { digest, tag } = task.destination;
  if (digest !== undefined) {
    const reference = tag ?? digest;
    const held = await walk.read(reference);
    if (!held) findings.push(`missing: ${reference}`);
    else if (held.content.digest !== digest) {
      findings.push(
        `different: ${reference} is ${held.content.digest}, want ${digest}`,
      );
    } else {
      await policy?.checkImage(originOfWhole(held), signal);
      findings.push(
        ...await walk.below(held),
        ...await attached(originOfWhole(held)),
        ...await unsigned(held),
      );
    }
    return { ...resultOf(findings, digest), sourceDigests: [digest] };
  }
  const decision = await decider.decide();
  if (decision.kind === "skipped") {
    events.warn(nothingText(decision.nothing));
    return { kind: "skipped", nothing: decision.nothing };
  }
  const { sourceDigests, merge, origin: { strangers } } = decision;
  const told = { sourceDigests, merge };
  if (merge) tellKept(merge, events);
  await policy?.checkImage(decision.origin, signal);
  if (decision.kind === "up-to-date") {
    findings.push(
      ...await walk.below(decision.existing),
      ...await attached(decision.origin),
      ...await unsigned(decision.existing, strangers),
    );
    const { digest } = decision.existing.content;
    return { ...resultOf(findings, digest), ...told };
  }
  const { content } = decision.merged;
  const want = parseManifest(content.bytes, content.mediaType, content.digest);
  const held = decision.existing ??
    (options.overwrite ? await decider.readExisting(signal) : undefined);
  if (!held) findings.push(`missing: tag ${tag}`);
  else if (held.content.digest !== content.digest) {
    findings.push(...compare(want, held));
  }
  if (held) findings.push(...await walk.below(want, held));
  findings.push(...await attached(decision.origin));
  if (held) findings.push(...await unsigned(held, strangers));
  return { ...resultOf(findings, content.digest), ...told };
}

/** What is wrong with the signatures and referrers that mirroring would bring. */
async function attachmentFindings(
  contexts: readonly CopyContext[],
  origin: TagOrigin,
  { walk, signal, policy }: {
    readonly walk: DestinationWalk;
    readonly signal: AbortSignal;
    readonly policy?: ImagePolicy;
  },
): Promise<string[]> {
  const findings: string[] = [];
  await new ImageAttachments(contexts, origin, {
    signal,
    policy,
    audit: {
      lacks({ name, subject }, fault) {
        findings.push(describeFault(`${name} for ${subject}`, fault));
      },
      async examine(attachment, digest) {
        findings.push(...await walk.attachment(attachment, digest));
      },
    },
  }).follow();
  return findings;
}

function resultOf(
  findings: readonly string[],
  digest: ImageResult["digest"],
): ImageResult {
  return findings.length > 0
    ? { kind: "failed", findings: [...new Set(findings)] }
    : { kind: "passed", digest };
}

/** What an index lacks of the one that is wanted, or has beyond it. */
function compare(want: Manifest, held: Manifest): string[] {
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
