/**
 * Whether a manifest at the destination is signed by one of some keys, in either
 * format, or by someone who has a certificate.
 *
 * @module
 */

import { atDestination } from "../copy/sides.ts";
import type { SignedStatement } from "../signatures/attestations/envelope.ts";
import { readSignatures } from "../signatures/read_signatures.ts";
import type { PublicKey } from "../signatures/sigstore_key.ts";
import type {
  BundleVerifier,
  SignerIdentity,
} from "../signatures/verify_bundle.ts";
import { parsePayload } from "../signatures/simple_signing.ts";
import { SIGN_PREDICATE } from "../signatures/read_bundle.ts";
import { readBundles } from "./bundles.ts";
import type { NamedChecker, SignedTarget } from "./image_signer.ts";

/** Checks signatures by keys, as `cosign verify --key` does. */
export class KeyChecker implements NamedChecker {
  readonly by = "the key";
  readonly #keys: readonly PublicKey[];

  constructor(keys: readonly PublicKey[]) {
    this.#keys = keys;
  }

  async isSigned(target: SignedTarget): Promise<boolean> {
    return await this.#bySimpleSignature(target) ||
      await this.#byBundle(target);
  }

  async #bySimpleSignature(
    { destination, descriptor, signal }: SignedTarget,
  ): Promise<boolean> {
    const { digest } = descriptor;
    const found = await atDestination(
      destination,
      `read the signatures of ${digest} from`,
      readSignatures(destination, digest, signal),
    );
    return found.some(({ payload, signature }) => {
      if (!this.#keys.some((key) => key.verify(payload, signature))) {
        return false;
      }
      try {
        return parsePayload(payload).digest === digest;
      } catch {
        return false;
      }
    });
  }

  async #byBundle(target: SignedTarget): Promise<boolean> {
    const bundles = await readBundles(target, SIGN_PREDICATE);
    return bundles.some((bundle) =>
      bundle.statement.digests.includes(target.descriptor.digest) &&
      this.accepts(bundle)
    );
  }

  accepts(signed: SignedStatement): boolean {
    return this.#keys.some((key) => signed.verify(key));
  }
}

/** Checks signatures without a key, as `cosign verify --certificate-identity`. */
export class IdentityChecker implements NamedChecker {
  readonly by: string;
  readonly #identity: SignerIdentity;
  readonly #verifier: BundleVerifier;

  constructor(identity: SignerIdentity, verifier: BundleVerifier) {
    this.#identity = identity;
    this.#verifier = verifier;
    this.by = identity.names.join(", ");
  }

  async isSigned(target: SignedTarget): Promise<boolean> {
    const bundles = await readBundles(target, SIGN_PREDICATE);
    return bundles.some((bundle) =>
      bundle.statement.digests.includes(target.descriptor.digest) &&
      this.accepts(bundle)
    );
  }

  accepts(signed: SignedStatement): boolean {
    return signed.isBy(this.#identity, this.#verifier);
  }
}
