/**
 * SLSA verification summaries (slsa.dev/verification_summary/v1): that a policy
 * accepted an artifact.
 *
 * @module
 */

import type { JsonObject } from "../../json.ts";
import type { MirrorPredicate } from "./mirror_predicate.ts";

/** The predicate type of a verification summary. */
export const VSA_PREDICATE = "https://slsa.dev/verification_summary/v1";

const VERIFIER = "https://jsr.io/@hangar/mirror";

/**
 * The summary of what a policy decided; undefined where none asked for
 * signatures.
 */
export function summaryOf(
  { destination, policy, mirroredAt, mirroredBy }: MirrorPredicate,
): JsonObject | undefined {
  if (!policy?.enforced) return undefined;
  const [algorithm = "", hex = ""] = policy.digest.split(":");
  return {
    verifier: {
      id: VERIFIER,
      version: { [mirroredBy.name]: mirroredBy.version },
    },
    timeVerified: mirroredAt,
    resourceUri: `oci://${destination.reference}`,
    policy: { uri: "file:policy.json", digest: { [algorithm]: hex } },
    verificationResult: "PASSED",
    // hangar looks at signatures, not at how an image was built.
    verifiedLevels: ["SLSA_BUILD_LEVEL_UNEVALUATED"],
    slsaVersion: "1.0",
    // Not SLSA's: by whose signatures each image was accepted.
    hangar_accepted: policy.accepted,
  };
}
