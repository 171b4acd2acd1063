/**
 * Verifies keyless bundles: `@sigstore/verify` checks signature, certificate, times
 * and transparency logs against the roots that the user trusts.
 *
 * @module
 */

import type { Bundle } from "@sigstore/bundle";
import { X509Certificate } from "@sigstore/core";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import {
  PolicyError,
  toSignedEntity,
  toTrustMaterial,
  VerificationError,
  Verifier,
} from "@sigstore/verify";
import { Buffer } from "node:buffer";
import { describeError, HangarError } from "../errors.ts";
import { nameDefaultDigest } from "./default_digest.ts";
import { isGoodForCodeSigning, SignerCertificate } from "./certificate.ts";
import { toPem } from "./pem.ts";

/** The most log entries and timestamps of one bundle; two are usual. */
const MAX_WITNESSES = 16;

/** The signer that a certificate must name. */
export interface SignerIdentity {
  /** E-mail addresses or URIs; it must name one of them. */
  readonly names: readonly string[];
  /** OIDC issuers; it must name one of them. */
  readonly issuers: readonly string[];
}

/** Verifies bundles whose signers have a certificate. */
export class BundleVerifier {
  readonly #verifier: Verifier;

  /**
   * @param json a `trusted_root.json`, as cosign takes it. The logs that it
   * lists must have a signature; without any, a timestamp is enough.
   * @throws {HangarError} `usage` when it is none, or trusts no authority
   */
  constructor(json: string, name: string) {
    nameDefaultDigest();
    const root = parseRoot(json, name);
    if (root.certificateAuthorities.length === 0) {
      throw new HangarError("usage", `${name} names no certificate authority`);
    }
    try {
      this.#verifier = new Verifier(toTrustMaterial(root), {
        tlogThreshold: Math.min(1, root.tlogs.length),
        ctlogThreshold: Math.min(1, root.ctlogs.length),
        timestampThreshold: 1,
      });
    } catch (cause) {
      throw noRoot(name, cause);
    }
  }

  /**
   * Verifies a bundle.
   *
   * @throws {HangarError} `invalid-signature`
   */
  verify(bundle: Bundle, { names, issuers }: SignerIdentity): void {
    try {
      const { tlogEntries, timestampVerificationData } =
        bundle.verificationMaterial;
      const stamps = timestampVerificationData?.rfc3161Timestamps ?? [];
      if (tlogEntries.length + stamps.length > MAX_WITNESSES) {
        throw bad("it has too many log entries and timestamps");
      }
      const signer = this.#verifier.verify(toSignedEntity(bundle));
      const name = signer.identity?.subjectAlternativeName;
      if (name === undefined || !names.includes(name)) {
        throw bad(`its certificate is for ${name ?? "no name"}`);
      }
      const certificate = certificateOf(bundle);
      // @sigstore/verify leaves this to its callers.
      if (!isGoodForCodeSigning(certificate)) {
        throw bad("its certificate is not for code signing");
      }
      const { oidcIssuer } = new SignerCertificate(
        toPem({ label: "CERTIFICATE", bytes: certificate.root.toDER() }),
      );
      if (!issuers.includes(oidcIssuer)) {
        throw bad(`its certificate is for an identity of ${oidcIssuer}`);
      }
    } catch (cause) {
      if (cause instanceof HangarError) throw cause;
      const known = cause instanceof VerificationError ||
        cause instanceof PolicyError;
      throw bad(
        known ? describeError(cause) : "it is malformed",
        cause,
      );
    }
  }
}

function parseRoot(json: string, name: string): TrustedRoot {
  try {
    return TrustedRoot.fromJSON(JSON.parse(json));
  } catch (cause) {
    throw noRoot(name, cause);
  }
}

function noRoot(name: string, cause: unknown): HangarError {
  return new HangarError(
    "usage",
    `${name} is not a trusted root: ${describeError(cause)}`,
    {
      cause,
      hint: "want a trusted_root.json, as cosign trusted-root makes it",
    },
  );
}

function certificateOf(bundle: Bundle): X509Certificate {
  const { content } = bundle.verificationMaterial;
  if (content.$case !== "certificate") {
    throw bad("it does not come with one certificate");
  }
  return X509Certificate.parse(Buffer.from(content.certificate.rawBytes));
}

function bad(why: string, cause?: unknown): HangarError {
  return new HangarError(
    "invalid-signature",
    `the bundle cannot be verified: ${why}`,
    { cause },
  );
}
