/**
 * Whether a destination holds what mirroring should have put there. Reads only.
 *
 * @module
 */

import { BlobSource } from "../copy/blob_source.ts";
import type { AttachmentGap } from "../copy/attachments.ts";
import type { CopyContext } from "../copy/copy_context.ts";
import { atDestination } from "../copy/sides.ts";
import { together } from "../together.ts";
import { describeError, HangarError } from "../errors.ts";
import {
  attestationSubject,
  depthInside,
  type Descriptor,
  type Manifest,
  parseDescribed,
  parseManifest,
} from "../oci/manifest.ts";
import { formatPlatform } from "../oci/platform.ts";
import type {
  BlobReader,
  DestinationStore,
  TransferGate,
} from "../oci/store.ts";
import { ImagePolicy } from "./check_policy.ts";
import {
  ImageDecider,
  type MirrorOptions,
  originOfWhole,
  type TagOrigin,
} from "./decide_image.ts";
import {
  ImageAttachments,
  type ImageAttachmentsOptions,
} from "./image_attachments.ts";
import {
  contextsOf,
  type ImageEvents,
  type ImageResult,
  type MirrorTools,
} from "./mirror_image.ts";
import type { SignatureChecker } from "./image_signer.ts";
import type { ImageAddress, MirrorTask } from "./plan.ts";
import { signTargets, unsignedText } from "./sign_image.ts";
import { nothingText, tellKept } from "./tell_image.ts";

/** How far a validation looks. */
export type Depth =
  /** The manifests. */
  | "manifests"
  /** Every blob's presence and size too. */
  | "blobs"
  /** Every blob's content too. */
  | "bytes";

/** How images are validated. */
export interface ValidateOptions extends MirrorOptions {
  readonly depth: Depth;
}

/** What validating works with. */
export interface ValidateTools extends MirrorTools {
  readonly destination: (
    image: ImageAddress,
  ) => DestinationStore & Pick<BlobReader, "openBlob">;
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
  const walk = new DestinationWalk(task, options.depth, tools, signal);
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
  const lacking = async (origin: TagOrigin) =>
    options.signatures === false
      ? []
      : await gapsOf(contexts, origin, { signal, policy });
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
        ...await lacking(originOfWhole(held)),
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
      ...await lacking(decision.origin),
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
  findings.push(...await lacking(decision.origin));
  if (held) findings.push(...await unsigned(held, strangers));
  return { ...resultOf(findings, content.digest), ...told };
}

/** The signatures and referrers that mirroring would bring. */
async function gapsOf(
  contexts: readonly CopyContext[],
  origin: TagOrigin,
  options: ImageAttachmentsOptions,
): Promise<string[]> {
  const gaps: AttachmentGap[] = [];
  await new ImageAttachments(contexts, origin, { ...options, gaps }).follow();
  return gaps.map(({ name, subject }) => `missing: ${name} for ${subject}`);
}

function resultOf(
  findings: readonly string[],
  digest: ImageResult["digest"],
): ImageResult {
  return findings.length > 0
    ? { kind: "failed", findings: [...new Set(findings)] }
    : { kind: "passed", digest };
}

function nameOf(entry: Descriptor): string {
  const subject = attestationSubject(entry);
  const what = subject !== undefined
    ? `attestation of ${subject}`
    : entry.platform
    ? formatPlatform(entry.platform)
    : "manifest";
  return `${what} ${entry.digest}`;
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

/** Looks at what is below a manifest at the destination. */
class DestinationWalk {
  readonly #store: DestinationStore & Pick<BlobReader, "openBlob">;
  readonly #repository: string;
  readonly #depth: Depth;
  readonly #gate: TransferGate;
  readonly #attempts: ValidateTools["attempts"];
  readonly #signal: AbortSignal;
  readonly #side;

  constructor(
    task: MirrorTask,
    depth: Depth,
    tools: ValidateTools,
    signal: AbortSignal,
  ) {
    this.#store = tools.destination(task.destination);
    this.#repository = task.destination.repository;
    this.#depth = depth;
    this.#gate = tools.gate;
    this.#attempts = tools.attempts;
    this.#signal = signal;
    this.#side = {
      destination: this.#store,
      destinationRepository: this.#repository,
    };
  }

  /**
   * A manifest of the destination; undefined when it is not there.
   *
   * @param entry what an index says of it, which must be so
   */
  async read(
    reference: string,
    entry?: Descriptor,
  ): Promise<Manifest | undefined> {
    return await atDestination(
      this.#side,
      `read ${reference} from`,
      (async () => {
        const content = await this.#store.getManifest(
          this.#repository,
          reference,
          { signal: this.#signal },
        );
        if (!content) return undefined;
        return entry
          ? parseDescribed(content, entry)
          : parseManifest(content.bytes, content.mediaType, content.digest);
      })(),
    );
  }

  /**
   * What is missing or damaged below a manifest.
   *
   * @param held what the tag holds instead: what that lacks is told already
   */
  async below(
    manifest: Manifest,
    held?: Manifest,
    depth = 0,
  ): Promise<string[]> {
    if (manifest.kind === "image") {
      return manifest.content.digest === (held ?? manifest).content.digest
        ? await this.#blobs([manifest.config, ...manifest.layers])
        : [];
    }
    const inner = depthInside(depth, manifest.content.digest);
    const has = held?.kind === "index"
      ? new Set(held.entries.map((entry) => entry.digest))
      : undefined;
    const entries = manifest.entries.filter((entry) =>
      has === undefined || has.has(entry.digest)
    );
    const findings = await together(
      entries.map((entry) => () => this.#child(entry, inner)),
      this.#signal,
    );
    return findings.flat();
  }

  async #child(entry: Descriptor, depth: number): Promise<string[]> {
    if (this.#depth === "manifests" && entry.platform) {
      const head = await atDestination(
        this.#side,
        `look for ${entry.digest} in`,
        this.#store.headManifest(this.#repository, entry.digest, {
          signal: this.#signal,
        }),
      );
      return head ? [] : [`missing: ${nameOf(entry)}`];
    }
    let manifest: Manifest | undefined;
    try {
      manifest = await this.read(entry.digest, entry);
    } catch (error) {
      if (
        error instanceof HangarError && error.code === "content-mismatch"
      ) {
        return [`damaged: ${nameOf(entry)}: ${describeError(error)}`];
      }
      throw error;
    }
    if (!manifest) return [`missing: ${nameOf(entry)}`];
    const findings = await this.below(manifest, undefined, depth);
    return findings.map((finding) => `${finding}, of ${nameOf(entry)}`);
  }

  async #blobs(blobs: readonly Descriptor[]): Promise<string[]> {
    if (this.#depth === "manifests") return [];
    const findings = await together(
      // Foreign layers are where their URLs say.
      blobs.filter((blob) => !blob.urls?.length)
        .map((blob) => () => this.#blob(blob)),
      this.#signal,
    );
    return findings.flat();
  }

  async #blob(blob: Descriptor): Promise<string[]> {
    const present = await atDestination(
      this.#side,
      `look for blob ${blob.digest} in`,
      this.#store.hasBlob(this.#repository, blob, { signal: this.#signal }),
    );
    if (!present) {
      return [`missing: blob ${blob.digest} of ${blob.size} bytes`];
    }
    return this.#depth === "bytes" ? await this.#content(blob) : [];
  }

  async #content(blob: Descriptor): Promise<string[]> {
    const signal = this.#signal;
    const release = await this.#gate.enter([this.#store.id], signal);
    const source = new BlobSource({
      blob,
      signal,
      attempts: this.#attempts(),
      open: (offset, signal) =>
        this.#store.openBlob(this.#repository, blob, { offset, signal }),
    });
    try {
      const reader = await source.openAt(0);
      while (await reader.read());
      return [];
    } catch (error) {
      if (
        error instanceof HangarError &&
        (error.code === "content-mismatch" || error.code === "not-found")
      ) {
        return [`damaged: blob ${blob.digest}: ${describeError(error)}`];
      }
      throw error;
    } finally {
      release();
    }
  }
}
