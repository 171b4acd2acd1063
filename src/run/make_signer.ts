/**
 * Makes what signs and attests in a run.
 *
 * @module
 */

import { withVariables } from "../machine/with_variables.ts";
import type { PayloadSigner } from "../signatures/sigstore_key.ts";
import type { BundleVerifier } from "../signatures/verify_bundle.ts";
import type { Attester } from "../signing/attester.ts";
import type { ImageSigner } from "../signing/image_signer.ts";
import { type ProxyRules, variablesFor } from "../transport/proxy/proxies.ts";

/** A `.sig` tag as cosign writes it, or a Sigstore bundle as a referrer. */
export type SignFormat = "cosign" | "bundle";

/** The key or identity that signs, and the format. */
export interface SignerOptions {
  readonly format: SignFormat;
  /** Signs with this key. A bundle may be signed without one. */
  readonly key?: PayloadSigner;
  /**
   * The server that gives a certificate for the identity token, where there is
   * no key.
   */
  readonly fulcioUrl?: string;
  /** An OIDC token for the identity that signs. */
  readonly identityToken?: string;
  /** A transparency log that signatures are entered in. */
  readonly rekorUrl?: string;
  /** Gives signed timestamps (RFC 3161). */
  readonly tsaUrl?: string;
  /** Verifies signatures that were made without a key. */
  readonly verifier?: BundleVerifier;
  /** How those servers are reached. */
  readonly proxies: ProxyRules;
}

/** Who signs images, and who attests where they came from. */
export interface Signers {
  readonly signer: ImageSigner;
  readonly attester: Attester;
}

/**
 * Makes the signer, and the attester that signs in the same way.
 *
 * @throws {HangarError} `usage` when there is neither a key nor an identity
 */
export async function makeSigners(options: SignerOptions): Promise<Signers> {
  const { format, key, proxies, ...bundle } = options;
  if (format === "cosign" && key) {
    const [{ SimpleSigner }, { EnvelopeAttester }] = await Promise.all([
      import("../signing/simple_signer.ts"),
      import("../signing/envelope_attester.ts"),
    ]);
    return {
      signer: new SimpleSigner(key),
      attester: new EnvelopeAttester(key),
    };
  }
  const urls = [bundle.fulcioUrl, bundle.rekorUrl, bundle.tsaUrl]
    .flatMap((url) => url === undefined ? [] : [new URL(url)]);
  const { BundleMaker } = await withVariables(
    variablesFor(proxies, urls),
    () => import("../signatures/bundle.ts"),
  );
  const [{ BundleSigner }, { BundleAttester }, { ReferrerLists }] =
    await Promise.all([
      import("../signing/bundle_signer.ts"),
      import("../signing/bundle_attester.ts"),
      import("../signing/bundles.ts"),
    ]);
  const maker = new BundleMaker({ ...bundle, key });
  const lists = new ReferrerLists();
  return {
    signer: new BundleSigner(maker, lists),
    attester: new BundleAttester(maker, lists),
  };
}
