/**
 * The roles of those who sign images at the destination.
 *
 * @module
 */

import type { DestinationSide } from "../copy/destination_side.ts";
import type { Place } from "../copy/sides.ts";
import type { Descriptor } from "../oci/manifest.ts";

/** A manifest whose signatures are looked at where it is. */
export interface SignedTarget {
  readonly destination: Place<DestinationSide["store"]>;
  readonly descriptor: Descriptor;
  /** The destination reference, with its tag: what the signature names. */
  readonly reference: string;
  readonly signal: AbortSignal;
}

/** A manifest at the destination that is to be signed. */
export interface SignTarget extends SignedTarget {
  readonly destination: DestinationSide;
}

/** Tells whether something is signed. */
export interface SignatureChecker {
  /** Whether the signature in question is there. */
  isSigned(target: SignedTarget): Promise<boolean>;
}

/** Checks signatures by someone who can be named. */
export interface NamedChecker extends SignatureChecker {
  /** By whom signatures must be, as verdicts say it. */
  readonly by: string;
}

/** Signs manifests. */
export interface ImageSigner extends SignatureChecker {
  /** Signs, unless it is signed; whether it had to. */
  sign(target: SignTarget): Promise<boolean>;
}
