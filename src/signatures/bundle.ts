/**
 * Making Sigstore bundles (protobuf-specs, bundle v0.3): a DSSE envelope around
 * an in-toto statement that names an image's digest, as cosign makes them.
 *
 * @module
 */

import {
  type Bundle,
  bundleToJSON,
  type BundleWithDsseEnvelope,
} from "@sigstore/bundle";
import {
  DSSEBundleBuilder,
  FulcioSigner,
  RekorWitness,
  type Signer,
  TSAWitness,
} from "@sigstore/sign";
import { decodeBase64Url } from "@std/encoding/base64url";
import { Buffer } from "node:buffer";
import { createHash, createPublicKey } from "node:crypto";
import { describeError, HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import type { Digest } from "../oci/digest.ts";
import type { SignedStatement } from "./attestations/envelope.ts";
import { IN_TOTO_TYPE } from "./attestations/statement.ts";
import type { PayloadSigner } from "./sigstore_key.ts";
import type { BundleVerifier, SignerIdentity } from "./verify_bundle.ts";

const WITNESS_TIMEOUT_MS = 30_000;
const WITNESS_RETRIES = 3;

/** The signer and its witnesses. */
export interface BundleMakerOptions {
  /** Signs with a key; without one, keyless. */
  readonly key?: PayloadSigner;
  /** Where a certificate is had for the identity token. */
  readonly fulcioUrl?: string;
  /** An OIDC token that says who signs. */
  readonly identityToken?: string;
  /** The transparency log that records signatures. */
  readonly rekorUrl?: string;
  /** The server for signed timestamps (RFC 3161). */
  readonly tsaUrl?: string;
  /**
   * Verifies keyless bundles. Without it, none at the destination counts as our
   * own: everyone who may push could have forged it.
   */
  readonly verifier?: BundleVerifier;
}

/** Makes bundles. */
export class BundleMaker {
  readonly #options: BundleMakerOptions;
  readonly #builder: DSSEBundleBuilder;

  /** @throws {HangarError} `usage` when there is neither key nor identity */
  constructor(options: BundleMakerOptions) {
    this.#options = options;
    const limits = { timeout: WITNESS_TIMEOUT_MS, retry: WITNESS_RETRIES };
    const { rekorUrl, tsaUrl } = options;
    this.#builder = new DSSEBundleBuilder({
      signer: signerOf(options, limits),
      witnesses: [
        ...(rekorUrl
          ? [
            new RekorWitness({
              rekorBaseURL: rekorUrl,
              entryType: "dsse",
              fetchOnConflict: true,
              ...limits,
            }),
          ]
          : []),
        ...(tsaUrl ? [new TSAWitness({ tsaBaseURL: tsaUrl, ...limits })] : []),
      ],
      certificateChain: false,
    });
  }

  /**
   * Signs a statement.
   *
   * @returns the bundle as JSON
   * @throws {HangarError} `network` when a certificate, log entry or timestamp
   * cannot be had, `invalid-signature` when the trusted root refuses the bundle
   */
  async make(statement: string): Promise<Uint8Array> {
    const bundle = await this.#create(statement);
    // Go's DSSE verifier reads a key id as an SSH fingerprint, and ignores
    // signatures with another one. cosign writes none.
    for (const s of bundle.content.dsseEnvelope.signatures) s.keyid = "";
    this.#check(bundle);
    return new TextEncoder().encode(JSON.stringify(bundleToJSON(bundle)));
  }

  async #create(statement: string): Promise<BundleWithDsseEnvelope> {
    try {
      return await this.#builder.create({
        data: Buffer.from(statement),
        type: IN_TOTO_TYPE,
      });
    } catch (cause) {
      const inner = cause instanceof Error && cause.cause !== undefined
        ? `: ${describeError(cause.cause)}`
        : "";
      throw new HangarError(
        "network",
        `cannot make a bundle: ${describeError(cause)}${inner}`,
        { cause, hint: "check --fulcio-url, --rekor-url and --tsa-url" },
      );
    }
  }

  /** Whether this maker's key or identity made a bundle, for a digest. */
  isOwn(bundle: SignedStatement, digest: Digest): boolean {
    if (!bundle.statement.digests.includes(digest)) return false;
    const { key, verifier } = this.#options;
    if (key) return bundle.verify(key.publicKey);
    return verifier !== undefined &&
      bundle.isBy(identityOf(this.#options), verifier);
  }

  /** Verifies a new bundle in the way that its readers will. */
  #check(bundle: Bundle): void {
    const { key, verifier } = this.#options;
    if (key || !verifier) return;
    try {
      verifier.verify(bundle, identityOf(this.#options));
    } catch (cause) {
      throw new HangarError(
        "invalid-signature",
        `a bundle was made, but --trusted-root does not accept it: ${
          describeError(cause)
        }`,
        {
          cause,
          hint:
            "give the roots of that Fulcio, and --rekor-url or --tsa-url as they want",
        },
      );
    }
  }
}

function signerOf(
  { key, fulcioUrl, identityToken }: BundleMakerOptions,
  limits: { readonly timeout: number; readonly retry: number },
): Signer {
  if (key) {
    const { pem } = key.publicKey;
    return {
      sign: async (data) => ({
        signature: Buffer.from(await key.sign(data)),
        key: {
          $case: "publicKey",
          publicKey: pem,
          hint: keyHint(pem),
        },
      }),
    };
  }
  if (!fulcioUrl || !identityToken) {
    throw new HangarError(
      "usage",
      "signing wants --sigstore-private-key, or --fulcio-url and --identity-token",
    );
  }
  return new FulcioSigner({
    fulcioBaseURL: fulcioUrl,
    identityProvider: { getToken: () => Promise.resolve(identityToken) },
    ...limits,
  });
}

/** The hash of the key's DER, by which cosign and sigstore-go know a key. */
function keyHint(pem: string): string {
  const der = createPublicKey(pem).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("base64");
}

/** The names and issuers that Fulcio may certify for a token. */
function identityOf(
  { identityToken = "" }: BundleMakerOptions,
): SignerIdentity {
  const texts = (...values: unknown[]) =>
    values.filter((value) => typeof value === "string");
  try {
    const claims: unknown = JSON.parse(
      new TextDecoder().decode(
        decodeBase64Url(identityToken.split(".")[1] ?? ""),
      ),
    );
    if (!isJsonObject(claims)) return { names: [], issuers: [] };
    // Dex names the provider that it asked.
    const federated = claims["federated_claims"];
    return {
      names: texts(claims["email"], claims["sub"]),
      issuers: texts(
        claims["iss"],
        isJsonObject(federated) ? federated["connector_id"] : undefined,
      ),
    };
  } catch {
    return { names: [], issuers: [] };
  }
}
