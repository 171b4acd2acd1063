/**
 * Sigstore bundles (protobuf-specs, bundle v0.3) that sign an image: a DSSE
 * envelope around an in-toto statement that names its digest, as cosign makes
 * them.
 *
 * @module
 */

import {
  type Bundle,
  bundleFromJSON,
  bundleToJSON,
  type BundleWithDsseEnvelope,
} from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
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
import { type Digest, isDigest } from "../oci/digest.ts";
import { type KnownKeys, parseStrictJson } from "../strict_json.ts";
import type { PublicKey, SigningKey } from "./sigstore_key.ts";
import type { BundleVerifier, SignerIdentity } from "./verify_bundle.ts";

/** Media type of a bundle, and artifact type of the referrer that holds it. */
export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** What a statement of cosign's says of its subject: that it was signed. */
export const SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** The most that a bundle may weigh; real ones have some 10 KB. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;

const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const STATEMENT_KEYS: KnownKeys = {
  _type: {},
  subject: { name: {}, digest: {} },
  predicateType: {},
  predicate: {},
};
const IN_TOTO_TYPE = "application/vnd.in-toto+json";
const WITNESS_TIMEOUT_MS = 30_000;
const WITNESS_RETRIES = 3;

/** Who signs, and who witnesses it. */
export interface BundleMakerOptions {
  /** Signs with a key; without one, keyless. */
  readonly key?: SigningKey;
  /** Where a certificate is had for the identity token. */
  readonly fulcioUrl?: string;
  /** An OIDC token that says who signs. */
  readonly identityToken?: string;
  /** A transparency log that signatures are entered in. */
  readonly rekorUrl?: string;
  /** Gives signed timestamps (RFC 3161). */
  readonly tsaUrl?: string;
  /**
   * Verifies what is signed without a key. Without one no bundle that is there
   * counts as an own one: whoever may push could have made it up.
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
   * Signs a digest.
   *
   * @returns the bundle as JSON
   * @throws {HangarError} `network` when a certificate, log entry or timestamp
   * cannot be had, `invalid-signature` when the trusted root refuses the bundle
   */
  async make(digest: Digest): Promise<Uint8Array> {
    const [algorithm = "", hex = ""] = digest.split(":");
    const statement = JSON.stringify({
      _type: STATEMENT_TYPE,
      subject: [{ digest: { [algorithm]: hex } }],
      predicateType: SIGN_PREDICATE,
      predicate: {},
    });
    const bundle = await this.#create(statement);
    // Go's DSSE verifier takes a key id for an SSH fingerprint, and passes
    // over signatures that have another one; cosign writes none.
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

  /** Whether a bundle is by this maker's key or identity, and signs a digest. */
  isOwn(bundle: SignedBundle, digest: Digest): boolean {
    if (!bundle.digests.includes(digest)) return false;
    const { key, verifier } = this.#options;
    if (key) return bundle.verify(key.publicKey);
    return verifier !== undefined &&
      bundle.isBy(identityOf(this.#options), verifier);
  }

  /** Looks at an own bundle as one who verifies will. */
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
      sign: (data) =>
        Promise.resolve({
          signature: Buffer.from(key.sign(data)),
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

/** By this cosign and sigstore-go tell keys apart: a hash of the key's DER. */
function keyHint(pem: string): string {
  const der = createPublicKey(pem).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("base64");
}

/** Whom Fulcio may certify the bearer of a token to be. */
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
    // A token of Dex names whoever it asked.
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

/** A bundle, read. */
export interface SignedBundle {
  /** What its statement speaks of. */
  readonly digests: readonly Digest[];
  /** Whether its signature was made by a key's other half. */
  verify(key: PublicKey): boolean;
  /** Whether it can be verified to be by someone. */
  isBy(identity: SignerIdentity, verifier: BundleVerifier): boolean;
}

/**
 * Reads a bundle of an image's signature.
 *
 * @throws {HangarError} `invalid-signature` when it is none
 */
export function parseSignedBundle(bytes: Uint8Array): SignedBundle {
  const refuse = (why: string, cause?: unknown): never => {
    throw new HangarError("invalid-signature", `the bundle ${why}`, { cause });
  };
  try {
    const bundle = bundleFromJSON(
      parseStrictJson(new TextDecoder().decode(bytes)),
    );
    if (bundle.content.$case !== "dsseEnvelope") {
      return refuse("holds no DSSE envelope");
    }
    const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
    const statement: unknown = parseStrictJson(
      payload.toString(),
      STATEMENT_KEYS,
    );
    if (
      payloadType !== IN_TOTO_TYPE || !isJsonObject(statement) ||
      statement["_type"] !== STATEMENT_TYPE ||
      statement["predicateType"] !== SIGN_PREDICATE ||
      !Array.isArray(statement["subject"])
    ) {
      return refuse("does not say that an image was signed");
    }
    const digests = statement["subject"].flatMap((subject: unknown) =>
      isJsonObject(subject) && isJsonObject(subject["digest"])
        ? Object.entries(subject["digest"]).map(([a, hex]) => `${a}:${hex}`)
        : []
    ).filter(isDigest);
    const signed = dsse.preAuthEncoding(payloadType, payload);
    return {
      digests,
      verify: (key) => signatures.some(({ sig }) => key.verify(signed, sig)),
      isBy: (identity, verifier) => {
        try {
          verifier.verify(bundle, identity);
          return true;
        } catch (error) {
          if (error instanceof HangarError) return false;
          throw error;
        }
      },
    };
  } catch (cause) {
    if (cause instanceof HangarError) throw cause;
    return refuse("is malformed", cause);
  }
}
