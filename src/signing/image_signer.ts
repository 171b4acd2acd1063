/**
 * The interfaces of what signs images at the destination, or checks signatures.
 *
 * @module
 */

import type { DestinationSide } from "../copy/destination_side.ts";
import type { Place } from "../copy/sides.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { SourceStore } from "../oci/store.ts";
import type { SignedStatement } from "../signatures/attestations/envelope.ts";

/** A manifest at the destination whose signatures are checked there. */
export interface SignedTarget {
  readonly destination: Place<SourceStore>;
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

/** Whose signatures count. */
export interface TrustedSigner {
  /** Who that is, in the words of a verdict. */
  readonly by: string;
  /** Whether one of them signed a statement. */
  accepts(signed: SignedStatement): boolean;
}

/** Checks signatures of signers that verdicts can name. */
export interface NamedChecker extends SignatureChecker, TrustedSigner {}

/** Signs manifests. */
export interface ImageSigner extends SignatureChecker {
  /** Signs, unless it is signed already. Gives whether it had to sign. */
  sign(target: SignTarget): Promise<boolean>;
}
