/**
 * What is to be attested of the manifests of a mirrored image, and whether an
 * attestation that is there says it already.
 *
 * @module
 */

import { formatWritten } from "../../names/address.ts";
import { attestationSubject, type Descriptor } from "../../oci/manifest.ts";
import { formatPlatform } from "../../oci/platform.ts";
import type {
  AttestedPlatform,
  AttestedPolicy,
  AttestedReference,
  MirrorPredicate,
} from "../../signatures/attestations/mirror_predicate.ts";
import type { Acceptance } from "../check_policy.ts";
import type { DecidedImage } from "../decide/decision.ts";
import type { ImageRun } from "../image_run.ts";

/** The policy in force, and whom it accepted. */
export interface PolicyFacts {
  /** Of the policy.json. */
  readonly digest: string;
  /** Undefined where it accepts anything of that name. */
  readonly acceptance?: Acceptance;
}

/** What is attested of one manifest, apart from when and by whom. */
export type AttestedFacts = Omit<MirrorPredicate, "mirroredAt" | "mirroredBy">;

/** Knows what is to be attested of an image and of each of its parts. */
export class ImageFacts {
  readonly #decision: DecidedImage;
  readonly #sources: readonly AttestedReference[];
  readonly #destination: AttestedReference;
  readonly #policy?: PolicyFacts;

  /** @param policy undefined where none is in force */
  constructor(
    { task }: Pick<ImageRun, "task">,
    decision: DecidedImage,
    policy: PolicyFacts | undefined,
  ) {
    this.#decision = decision;
    this.#policy = policy;
    this.#sources = task.sources.map((source, i) => ({
      reference: formatWritten(source),
      digest: decision.sourceDigests[i]!,
    }));
    this.#destination = {
      reference: formatWritten(task.destination),
      digest: decision.manifest.content.digest,
    };
  }

  /** What is to be attested of one of its manifests. */
  of({ digest }: Descriptor): AttestedFacts {
    const { manifest, origin } = this.#decision;
    const isTop = digest === manifest.content.digest;
    const platforms = isTop && manifest.kind === "index"
      ? manifest.entries.filter((entry) => !origin.leftOut.has(entry.digest))
        .map(platformOf)
      : [this.#partOf(digest)];
    return {
      sources: isTop ? this.#sources : this.#sourcesOf(digest),
      destination: this.#destination,
      platforms,
      ...(this.#policy && {
        policy: policyOf(this.#policy, isTop ? undefined : digest),
      }),
    };
  }

  #partOf(digest: string): AttestedPlatform {
    const { manifest } = this.#decision;
    const entry = manifest.kind === "index"
      ? manifest.entries.find((one) => one.digest === digest)
      : undefined;
    return entry ? platformOf(entry) : { digest };
  }

  /** A part of a nested index may be any source's. */
  #sourcesOf(digest: string): readonly AttestedReference[] {
    const part = this.#decision.origin.parts.find(({ descriptor }) =>
      descriptor.digest === digest
    );
    return part ? [this.#sources[part.source]!] : this.#sources;
  }
}

function platformOf(entry: Descriptor): AttestedPlatform {
  const { digest, platform } = entry;
  return platform && attestationSubject(entry) === undefined
    ? { platform: formatPlatform(platform), digest }
    : { digest };
}

/** @param only the image that is meant; undefined for all */
function policyOf(
  { digest, acceptance }: PolicyFacts,
  only: string | undefined,
): AttestedPolicy {
  const all = [...acceptance ?? []].sort(([a], [b]) => a < b ? -1 : 1);
  const meant = all.filter(([image]) => image === only);
  return {
    digest,
    enforced: acceptance !== undefined,
    // A part that holds no image of its own is accepted with the others.
    accepted: (only === undefined || meant.length === 0 ? all : meant)
      .map(([image, signatures]) => ({
        digest: image,
        signers: signatures.map(({ signer }) => signer),
      })),
  };
}

/**
 * How an attestation that is there differs from what is to be attested: in the
 * source, the policy, or in what it covers. Undefined where it says it.
 */
export function differenceOf(
  held: MirrorPredicate,
  wanted: AttestedFacts,
): string | undefined {
  const name = ({ reference, digest }: AttestedReference) =>
    `${reference}@${digest}`;
  const from = (facts: AttestedFacts) => facts.sources.map(name).join(", ");
  if (from(held) !== from(wanted)) {
    return `it came from ${from(held)}, want ${from(wanted)}`;
  }
  const by = ({ policy }: AttestedFacts) =>
    policy
      ? `${policy.digest}${policy.enforced ? "" : " (not enforced)"}`
      : "none";
  if (by(held) !== by(wanted)) {
    return `the policy was ${by(held)}, want ${by(wanted)}`;
  }
  const covered = new Set(held.platforms.map(({ digest }) => digest));
  const lacking = wanted.platforms.find(({ digest }) => !covered.has(digest));
  return lacking && `it does not cover ${lacking.platform ?? lacking.digest}`;
}
