/**
 * Sigstore bundles (protobuf-specs, bundle v0.3) that sign an image: a DSSE
 * envelope around an in-toto statement that names its digest, as cosign makes
 * them.
 *
 * @module
 */

import { bundleFromJSON, bundleToJSON } from "@sigstore/bundle";
import { dsse, X509Certificate } from "@sigstore/core";
import {
  DSSEBundleBuilder,
  FulcioSigner,
  RekorWitness,
  type Signer,
  TSAWitness,
} from "@sigstore/sign";
import { Buffer } from "node:buffer";
import { createHash, createPublicKey } from "node:crypto";
import { describeError, HangarError } from "../errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isJsonObject } from "../oci/manifest.ts";
import { type KnownKeys, parseStrictJson } from "../strict_json.ts";
import type { PublicKey, SigningKey } from "./sigstore_key.ts";

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
   * cannot be had
   */
  async make(digest: Digest): Promise<Uint8Array> {
    const [algorithm = "", hex = ""] = digest.split(":");
    const statement = JSON.stringify({
      _type: STATEMENT_TYPE,
      subject: [{ digest: { [algorithm]: hex } }],
      predicateType: SIGN_PREDICATE,
      predicate: {},
    });
    try {
      const bundle = await this.#builder.create({
        data: Buffer.from(statement),
        type: IN_TOTO_TYPE,
      });
      // Go's DSSE verifier takes a key id for an SSH fingerprint, and passes
      // over signatures that have another one; cosign writes none.
      for (const s of bundle.content.dsseEnvelope.signatures) s.keyid = "";
      return new TextEncoder().encode(JSON.stringify(bundleToJSON(bundle)));
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

  /** Whether a bundle is one that this maker could have made for a digest. */
  isOwn(bundle: SignedBundle, digest: Digest): boolean {
    if (!bundle.digests.includes(digest)) return false;
    const { key, identityToken } = this.#options;
    if (key) return bundle.verify(key.publicKey);
    return bundle.identity !== undefined && identityToken !== undefined &&
      identitiesOf(identityToken).includes(bundle.identity);
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

/** The names by which Fulcio may certify the bearer of a token. */
function identitiesOf(token: string): string[] {
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(token.split(".")[1] ?? "", "base64url").toString(),
    );
    return isJsonObject(claims)
      ? [claims["email"], claims["sub"]].filter((name) =>
        typeof name === "string"
      )
      : [];
  } catch {
    return [];
  }
}

/** A bundle, read. */
export interface SignedBundle {
  /** What its statement speaks of. */
  readonly digests: readonly Digest[];
  /** Whom the certificate names; undefined for a bundle made with a key. */
  readonly identity?: string;
  /** Whether its signature was made by a key's other half. */
  verify(key: PublicKey): boolean;
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
    const { content } = bundle.verificationMaterial;
    const certificate = content.$case === "certificate"
      ? content.certificate.rawBytes
      : undefined;
    const signed = dsse.preAuthEncoding(payloadType, payload);
    return {
      digests,
      identity: certificate &&
        X509Certificate.parse(Buffer.from(certificate)).subjectAltName,
      verify: (key) => signatures.some(({ sig }) => key.verify(signed, sig)),
    };
  } catch (cause) {
    if (cause instanceof HangarError) throw cause;
    return refuse("is malformed", cause);
  }
}
