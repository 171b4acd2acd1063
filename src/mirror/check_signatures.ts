/**
 * Whether an image at the destination is signed by one of some keys, in either
 * format; the image itself and every child.
 *
 * @module
 */

import { atDestination } from "../copy/sides.ts";
import { readSignatures } from "../signatures/read_signatures.ts";
import type { PublicKey } from "../signatures/sigstore_key.ts";
import { parsePayload } from "../signatures/simple_signing.ts";
import { readBundles } from "./bundle_signer.ts";
import type { SignatureChecker, SignTarget } from "./image_signer.ts";

/** Checks signatures by keys, as `cosign verify --key` does. */
export class KeyChecker implements SignatureChecker {
  readonly #keys: readonly PublicKey[];

  constructor(keys: readonly PublicKey[]) {
    this.#keys = keys;
  }

  async isSigned(target: SignTarget): Promise<boolean> {
    return await this.#bySimpleSignature(target) ||
      await this.#byBundle(target);
  }

  async #bySimpleSignature(
    { context, descriptor, signal }: SignTarget,
  ): Promise<boolean> {
    const { destination, destinationRepository } = context;
    const { digest } = descriptor;
    const found = await atDestination(
      context,
      `read the signatures of ${digest} from`,
      readSignatures(
        { store: destination, repository: destinationRepository },
        digest,
        signal,
      ),
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

  async #byBundle(target: SignTarget): Promise<boolean> {
    const bundles = await readBundles(target);
    return bundles.some((bundle) =>
      bundle.digests.includes(target.descriptor.digest) &&
      this.#keys.some((key) => bundle.verify(key))
    );
  }
}
