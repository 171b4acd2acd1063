/**
 * The interface of what attests something of images at the destination.
 *
 * @module
 */

import type { Statement } from "../signatures/attestations/statement.ts";
import type { SignedTarget, SignTarget } from "./image_signer.ts";

/** A statement that is to be attested. */
export interface NewStatement {
  readonly predicateType: string;
  /** Its JSON. */
  readonly text: string;
}

/** Finds what it has attested of a manifest. */
export interface AttestationReader {
  /**
   * The statements of a type on a manifest that its signer signed.
   *
   * @param options whether blobs are read too whose content is embedded
   */
  own(
    target: SignedTarget,
    predicateType: string,
    options?: { readonly deep?: boolean },
  ): Promise<Statement[]>;
}

/** Attests. */
export interface Attester extends AttestationReader {
  /** Signs statements on a manifest and attaches them, in their order. */
  attach(
    target: SignTarget,
    statements: readonly NewStatement[],
  ): Promise<void>;
}
