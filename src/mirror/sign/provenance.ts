/**
 * The way of an image through mirrors, as hangar attested it at each.
 *
 * @module
 */

import type { SourceStore } from "../../oci/store.ts";
import type { Place } from "../../copy/sides.ts";
import {
  attestationSubject,
  describeManifest,
  type Descriptor,
  type Manifest,
} from "../../oci/manifest.ts";
import type { SignedStatement } from "../../signatures/attestations/envelope.ts";
import {
  MIRROR_PREDICATE,
  type MirrorPredicate,
  parseMirrorPredicate,
} from "../../signatures/attestations/mirror_predicate.ts";
import { VSA_PREDICATE } from "../../signatures/attestations/verification_summary.ts";
import type { TrustedSigner } from "../../signing/image_signer.ts";
import { readAttestations } from "../../signing/read_attestations.ts";
import { together } from "../../together.ts";

/** One stop of an image: a mirror that attested it. */
export interface ProvenanceStop {
  /** What is attested; of a part, where nothing is attested of the whole. */
  readonly predicate: MirrorPredicate;
  /**
   * The manifests that it is about: the image itself, or parts of it, where the
   * index was another one at that stop.
   */
  readonly subjects: readonly string[];
  /** Whether a signer that one trusts signed it. */
  readonly isVerified: boolean;
  /** Whether such a signer says, too, that its policy accepted it. */
  readonly hasSummary: boolean;
}

/** The way of an image. */
export interface Provenance {
  readonly digest: string;
  /** Whose signature was verified, newest first. */
  readonly stops: readonly ProvenanceStop[];
  /** Statements that no trusted signer signed: they prove nothing. */
  readonly unverified: readonly ProvenanceStop[];
}

/** What is attested of one manifest. */
interface Found {
  readonly digest: string;
  readonly predicate: MirrorPredicate;
  readonly isVerified: boolean;
  readonly hasSummary: boolean;
}

/**
 * Reads what hangar attested of an image, and of its parts: their digests stay,
 * also where an index was rebuilt on the way.
 */
export async function readProvenance(
  place: Place<SourceStore>,
  manifest: Manifest,
  trusted: TrustedSigner,
  signal: AbortSignal,
): Promise<Provenance> {
  const top = describeManifest(manifest.content);
  const parts = manifest.kind === "index"
    ? manifest.entries.filter((entry) =>
      attestationSubject(entry) === undefined
    )
    : [];
  const [ofTop = [], ...ofParts] = await together(
    [top, ...parts].map((descriptor) => (signal) =>
      attestedOf(place, descriptor, trusted, signal)
    ),
    signal,
  );
  const stops = new Map<string, ProvenanceStop>();
  for (const found of ofTop) {
    // Two attestations of one way: the policy was another one, or more of the
    // index was mirrored.
    const { mirroredAt } = found.predicate;
    stops.set(`${keyOf(found)} ${mirroredAt}`, stopOf(found));
  }
  const ways = new Set(ofTop.map(keyOf));
  for (const found of ofParts.flat()) {
    const key = keyOf(found);
    if (ways.has(key)) continue;
    const stop = stops.get(key);
    const isNewer = !stop ||
      stop.predicate.mirroredAt < found.predicate.mirroredAt;
    stops.set(key, {
      ...isNewer ? stopOf(found) : stop,
      subjects: [...new Set([...stop?.subjects ?? [], found.digest])],
      hasSummary: found.hasSummary && (stop?.hasSummary ?? true),
    });
  }
  const sorted = [...stops.values()].sort((a, b) =>
    Date.parse(b.predicate.mirroredAt) - Date.parse(a.predicate.mirroredAt)
  );
  return {
    digest: top.digest,
    stops: sorted.filter(({ isVerified }) => isVerified),
    unverified: sorted.filter(({ isVerified }) => !isVerified),
  };
}

function stopOf({ digest, ...found }: Found): ProvenanceStop {
  return { ...found, subjects: [digest] };
}

/** The same way, and the same trust in who says so. */
function keyOf({ predicate, isVerified }: Found): string {
  const { sources, destination } = predicate;
  return JSON.stringify([
    isVerified,
    sources.map(({ reference }) => reference),
    destination.reference,
  ]);
}

async function attestedOf(
  destination: Place<SourceStore>,
  descriptor: Descriptor,
  trusted: TrustedSigner,
  signal: AbortSignal,
): Promise<Found[]> {
  const target = { destination, descriptor, reference: "", signal };
  const { digest } = descriptor;
  const isAbout = ({ statement }: SignedStatement) =>
    statement.digests.includes(digest);
  const found = (await readAttestations(target, MIRROR_PREDICATE))
    .filter(isAbout);
  if (found.length === 0) return [];
  const summaries = (await readAttestations(target, VSA_PREDICATE))
    .filter((one) => isAbout(one) && trusted.accepts(one));
  return found.flatMap((signed) => {
    const predicate = parseMirrorPredicate(signed.statement.predicate);
    if (!predicate) return [];
    return [{
      digest,
      predicate,
      isVerified: trusted.accepts(signed),
      hasSummary: summaries.some((one) => isOf(one, predicate)),
    }];
  });
}

/** Whether a summary is of the same policy, and of the same run. */
function isOf({ statement }: SignedStatement, of: MirrorPredicate): boolean {
  const { policy, timeVerified } = statement.predicate;
  return timeVerified === of.mirroredAt && of.policy !== undefined &&
    JSON.stringify(policy).includes(of.policy.digest.split(":")[1]!);
}
