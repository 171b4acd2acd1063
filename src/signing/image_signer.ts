/**
 * The roles of those who sign images at the destination.
 *
 * @module
 */

import type { CopyContext } from "../copy/copy_context.ts";
import type { Descriptor } from "../oci/manifest.ts";

/** A manifest at the destination that is to be signed. */
export interface SignTarget {
  /** The destination's side of it counts. */
  readonly context: CopyContext;
  readonly descriptor: Descriptor;
  /** The destination reference, with its tag: what the signature names. */
  readonly reference: string;
  readonly signal: AbortSignal;
}

/** Tells whether something is signed. */
export interface SignatureChecker {
  /** Whether the signature in question is there. */
  isSigned(target: SignTarget): Promise<boolean>;
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
