/**
 * Makes the signer of a run.
 *
 * @module
 */

import { withVariables } from "../machine/with_variables.ts";
import type { PayloadSigner } from "../signatures/sigstore_key.ts";
import type { BundleVerifier } from "../signatures/verify_bundle.ts";
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

/**
 * Makes a signer.
 *
 * @throws {HangarError} `usage` when there is neither a key nor an identity
 */
export async function makeSigner(
  options: SignerOptions,
): Promise<ImageSigner> {
  const { format, key, proxies, ...bundle } = options;
  if (format === "cosign" && key) {
    const { SimpleSigner } = await import("../signing/simple_signer.ts");
    return new SimpleSigner(key);
  }
  const urls = [bundle.fulcioUrl, bundle.rekorUrl, bundle.tsaUrl]
    .flatMap((url) => url === undefined ? [] : [new URL(url)]);
  const { BundleMaker } = await withVariables(
    variablesFor(proxies, urls),
    () => import("../signatures/bundle.ts"),
  );
  const { BundleSigner } = await import("../signing/bundle_signer.ts");
  return new BundleSigner(new BundleMaker({ ...bundle, key }));
}
