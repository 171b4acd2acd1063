/**
 * Certificates of signers: the chain up to a trusted root, and the names in them
 * (RFC 5280; Fulcio's oid-info.md).
 *
 * @module
 */

import { ASN1Obj, X509Certificate } from "@sigstore/core";
import { Buffer } from "node:buffer";
import { createPublicKey } from "node:crypto";
import { encodeBase64 } from "../base64.ts";
import { HangarError } from "../errors.ts";
import { pemBlocks } from "./pem.ts";
import { PublicKey } from "./sigstore_key.ts";

const OID = {
  subjectAltName: "2.5.29.17",
  extKeyUsage: "2.5.29.37",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  anyUsage: "2.5.29.37.0",
  issuerV1: "1.3.6.1.4.1.57264.1.1",
  issuerV2: "1.3.6.1.4.1.57264.1.8",
} as const;
/** Critical extensions that the code checks; others must not be ignored. */
const UNDERSTOOD = new Set([
  "2.5.29.14", // subject key identifier
  "2.5.29.15", // key usage
  OID.subjectAltName,
  "2.5.29.19", // basic constraints
  "2.5.29.35", // authority key identifier
  OID.extKeyUsage,
]);
/** The most CAs between a certificate and its root. */
const MAX_CHAIN = 8;
/** The most certificates, besides the trusted ones, that are tried. */
const MAX_INTERMEDIATES = 100;
/** The most signatures that are checked for one chain, as in Go. */
const MAX_CHECKS = 100;
/** General names, by their tags. */
const EMAIL = 1;
const DNS = 2;

function refuse(why: string): never {
  throw new HangarError("invalid-signature", why);
}

/** The certificate of a signer. */
export class SignerCertificate {
  readonly #certificate: X509Certificate;

  /** @throws {HangarError} `invalid-signature` unless it is one certificate in PEM */
  constructor(pem: string) {
    const [certificate, ...more] = parseCertificates(pem, "the certificate");
    if (!certificate || more.length > 0) {
      refuse("the signature does not come with one certificate");
    }
    this.#certificate = certificate;
  }

  /** The key that it certifies. */
  get publicKey(): PublicKey {
    return new PublicKey(
      createPublicKey({
        key: this.#certificate.publicKey,
        format: "der",
        type: "spki",
      }),
    );
  }

  /** The e-mail addresses that it names. */
  get emails(): string[] {
    return this.#names(EMAIL);
  }

  /** Whether it names a host, or a wildcard above it. */
  namesHost(host: string): boolean {
    const wanted = host.toLowerCase();
    return this.#names(DNS).some((name) => {
      const lower = name.toLowerCase();
      return lower === wanted ||
        lower.startsWith("*.") &&
          wanted.slice(wanted.indexOf(".")) === lower.slice(1);
    });
  }

  /**
   * The OIDC issuer that confirmed the identity.
   *
   * @throws {HangarError} `invalid-signature` when it names none, or two
   */
  get oidcIssuer(): string {
    const v1 = this.#certificate.extension(OID.issuerV1)?.value.toString();
    const v2 = this.#certificate.extension(OID.issuerV2)?.valueObj.subs[0]
      ?.value.toString();
    if (v1 !== undefined && v2 !== undefined && v1 !== v2) {
      refuse("the certificate names two issuers");
    }
    return v1 ?? v2 ?? refuse("the certificate names no issuer");
  }

  /**
   * Checks that a chain leads to a root, and that all of it was valid for code
   * signing at a time.
   *
   * @throws {HangarError} `invalid-signature`
   */
  verifyChain(
    roots: readonly X509Certificate[],
    intermediates: readonly X509Certificate[],
    time: Date,
  ): void {
    if (intermediates.length > MAX_INTERMEDIATES) {
      refuse("there are too many certificates");
    }
    if (!leadsToRoot(this.#certificate, roots, intermediates, time)) {
      refuse(
        "the certificate is not issued by a trusted CA for code signing, or not at that time",
      );
    }
  }

  #names(tag: number): string[] {
    const names = this.#certificate.extension(OID.subjectAltName)?.valueObj
      .subs[0]?.subs ?? [];
    return names.filter((name) => name.tag.isContextSpecific(tag))
      .map((name) => name.value.toString());
  }
}

/**
 * Looks for a chain to a root, nearest issuers first. Each certificate is tried
 * once, so that their sender cannot make the search long.
 */
function leadsToRoot(
  leaf: X509Certificate,
  roots: readonly X509Certificate[],
  intermediates: readonly X509Certificate[],
  time: Date,
): boolean {
  const idOf = (certificate: X509Certificate) =>
    encodeBase64(certificate.root.toDER());
  const candidates = new Map<string, X509Certificate>();
  for (const one of [...roots, ...intermediates]) {
    candidates.set(idOf(one), one);
  }
  const trusted = new Set(roots.map(idOf));
  let checks = 0;
  let level = isUsable(leaf, time) ? [leaf] : [];
  for (let depth = 0; depth <= MAX_CHAIN && level.length > 0; depth++) {
    const above: X509Certificate[] = [];
    for (const [id, issuer] of candidates) {
      const isIssuer = level.some((one) => {
        if (!mayIssue(issuer, one, depth)) return false;
        if (++checks > MAX_CHECKS) refuse("there are too many certificates");
        return isSignedBy(one, issuer);
      });
      if (!isIssuer || !isUsable(issuer, time)) continue;
      if (trusted.has(id)) return true;
      candidates.delete(id);
      above.push(issuer);
    }
    level = above;
  }
  return false;
}

function isUsable(certificate: X509Certificate, time: Date): boolean {
  return isGoodForCodeSigning(certificate) && certificate.validForDate(time);
}

/** Whether a certificate may be used for code signing. */
export function isGoodForCodeSigning(certificate: X509Certificate): boolean {
  const unknown = certificate.extensions.some((raw) => {
    const oid = raw.subs[0]?.toOID() ?? "";
    return !UNDERSTOOD.has(oid) && certificate.extension(oid)?.critical;
  });
  if (unknown) return false;
  const usage = certificate.extension(OID.extKeyUsage);
  const usages = usage?.valueObj.subs[0]?.subs.map((oid) => oid.toOID());
  return usages === undefined || usages.includes(OID.codeSigning) ||
    usages.includes(OID.anyUsage);
}

/** @param below the number of CAs between the two */
function mayIssue(
  issuer: X509Certificate,
  certificate: X509Certificate,
  below: number,
): boolean {
  if (!issuer.isCA || !certificate.issuer.equals(issuer.subject)) return false;
  const longest = issuer.extBasicConstraints?.pathLenConstraint;
  return longest === undefined || below <= longest;
}

function isSignedBy(
  certificate: X509Certificate,
  issuer: X509Certificate,
): boolean {
  try {
    return certificate.verify(issuer);
  } catch {
    return false;
  }
}

/**
 * Certificates in PEM.
 *
 * @throws {HangarError} `invalid-signature` when one is malformed
 */
export function parseCertificates(
  pem: string,
  name: string,
): X509Certificate[] {
  return pemBlocks(pem).filter(({ label }) => label === "CERTIFICATE")
    .map(({ bytes }) => {
      try {
        const der = Buffer.from(bytes);
        ASN1Obj.parseBuffer(der);
        return X509Certificate.parse(der);
      } catch {
        return refuse(`${name} is malformed`);
      }
    });
}
