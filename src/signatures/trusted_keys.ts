/**
 * The signers whose sigstore signatures a policy trusts: keys, identities that
 * Fulcio certified, or certificates of a CA, with or without a transparency
 * log.
 *
 * @module
 */

import type { Requirement, SigstoreTrust, Source } from "../config/policy.ts";
import { HangarError } from "../errors.ts";
import { allOf } from "../together.ts";
import type { SimpleSignature } from "./read_signatures.ts";
import type { PublicKey } from "./sigstore_key.ts";

/** The annotations that cosign keeps beside a signature. */
const ANNOTATION = {
  certificate: "dev.sigstore.cosign/certificate",
  chain: "dev.sigstore.cosign/chain",
  promise: "dev.sigstore.cosign/bundle",
} as const;

/** A requirement of sigstore signatures. */
export type SigstoreSigned = Requirement & { readonly type: "sigstoreSigned" };

/** A signer that a policy trusts, by what its signature proves of it. */
export interface AcceptedSigner {
  /** `sha256:` and the hash of the public key's DER. */
  readonly key?: string;
  /** The e-mail address or host name that its certificate is for. */
  readonly identity?: string;
  /** The OIDC issuer of the identity. */
  readonly issuer?: string;
  /** The fingerprint of a GPG key. */
  readonly gpg?: string;
}

/** A signature that a policy accepts. */
export interface AcceptedSignature {
  readonly signer: AcceptedSigner;
  /**
   * When a transparency log that the policy trusts recorded it. What the signer
   * itself says of the time is not meant. @default {no log vouches for a time}
   */
  readonly signedAt?: Date;
}

/**
 * Whose signature it is; undefined when it is not good. It throws when no
 * trusted signer could have made it.
 */
export type SigstoreChecker = (
  signature: SimpleSignature,
) => AcceptedSignature | undefined;

function bad(why: string): HangarError {
  return new HangarError("invalid-signature", why);
}

/** The names of keys in messages. */
export function namesOf(sources: readonly Source[]): string {
  return sources.map((s) => "path" in s ? s.path : "the policy's key data")
    .join(", ");
}

/**
 * Reads keys and certificates.
 *
 * @throws {HangarError} `key`, or what `load` throws
 */
export async function loadChecker(
  { trust, rekorKeys }: SigstoreSigned,
  load: (source: Source) => Promise<Uint8Array>,
): Promise<SigstoreChecker> {
  const text = async (source: Source) =>
    new TextDecoder().decode(await load(source));
  const { parsePublicKeys } = await import("./sigstore_key.ts");
  const keysOf = async (sources: readonly Source[]): Promise<PublicKey[]> =>
    (await allOf(
      sources.map(async (source) =>
        parsePublicKeys(await text(source), namesOf([source]))
      ),
    )).flat();
  const log = rekorKeys && await keysOf(rekorKeys);
  switch (trust.kind) {
    case "keys": {
      const keys = await keysOf(trust.keys);
      return log ? await loggedKeys(keys, log) : (signature) => {
        const key = keys.find((key) => isMadeBy(key, signature));
        return key && { signer: signerOf(key) };
      };
    }
    case "fulcio":
      return await fulcioChecker(trust, await text(trust.ca), log ?? []);
    case "pki":
      return await pkiChecker(
        trust,
        await text(trust.roots),
        trust.intermediates && await text(trust.intermediates),
      );
  }
}

function annotationOf(
  { annotations }: SimpleSignature,
  name: keyof typeof ANNOTATION,
): string {
  const value = annotations[ANNOTATION[name]];
  if (value !== undefined) return value;
  throw bad(`the annotation ${ANNOTATION[name]} is missing`);
}

async function loggedKeys(
  keys: readonly PublicKey[],
  log: readonly PublicKey[],
): Promise<SigstoreChecker> {
  const { verifyRekorSet } = await import("./rekor_set.ts");
  return (signature) => {
    const promise = annotationOf(signature, "promise");
    let last: unknown;
    for (const key of keys) {
      try {
        const logged = { ...signature, keyPem: key.pem };
        const signedAt = verifyRekorSet(promise, log, logged);
        return isMadeBy(key, signature)
          ? { signer: signerOf(key), signedAt }
          : undefined;
      } catch (error) {
        last = error;
      }
    }
    throw last;
  };
}

async function fulcioChecker(
  trust: SigstoreTrust & { readonly kind: "fulcio" },
  ca: string,
  log: readonly PublicKey[],
): Promise<SigstoreChecker> {
  const { parseCertificates, SignerCertificate } = await import(
    "./certificate.ts"
  );
  const { verifyRekorSet } = await import("./rekor_set.ts");
  const roots = parseCertificates(ca, "the Fulcio CA of the policy");
  if (roots.length === 0) {
    throw new HangarError(
      "key",
      "the Fulcio CA of the policy holds no certificate",
    );
  }
  return (signature) => {
    const keyPem = annotationOf(signature, "certificate");
    const promise = annotationOf(signature, "promise");
    const signedAt = verifyRekorSet(promise, log, { ...signature, keyPem });
    const certificate = new SignerCertificate(keyPem);
    certificate.verifyChain(
      roots,
      chainOf(signature, parseCertificates),
      signedAt,
    );
    if (certificate.oidcIssuer !== trust.oidcIssuer) {
      throw bad(
        `its certificate is for an identity of ${certificate.oidcIssuer}`,
      );
    }
    checkEmail(certificate.emails, trust.subjectEmail);
    if (!isMadeBy(certificate.publicKey, signature)) return undefined;
    const { subjectEmail: identity, oidcIssuer: issuer } = trust;
    return { signer: { identity, issuer }, signedAt };
  };
}

async function pkiChecker(
  trust: SigstoreTrust & { readonly kind: "pki" },
  rootsPem: string,
  intermediatesPem: string | undefined,
): Promise<SigstoreChecker> {
  const { parseCertificates, SignerCertificate } = await import(
    "./certificate.ts"
  );
  const roots = parseCertificates(rootsPem, "the CA roots of the policy");
  const intermediates = parseCertificates(
    intermediatesPem ?? "",
    "the CA intermediates of the policy",
  );
  if (roots.length === 0) {
    throw new HangarError(
      "key",
      "the CA roots of the policy hold no certificate",
    );
  }
  return (signature) => {
    const certificate = new SignerCertificate(
      annotationOf(signature, "certificate"),
    );
    certificate.verifyChain(
      roots,
      [...intermediates, ...chainOf(signature, parseCertificates)],
      new Date(),
    );
    const { subjectEmail, subjectHostname } = trust;
    if (subjectEmail) checkEmail(certificate.emails, subjectEmail);
    if (subjectHostname && !certificate.namesHost(subjectHostname)) {
      throw bad(`its certificate does not name ${subjectHostname}`);
    }
    return isMadeBy(certificate.publicKey, signature)
      ? { signer: { identity: subjectEmail ?? subjectHostname } }
      : undefined;
  };
}

function isMadeBy(
  key: PublicKey,
  { payload, signature }: SimpleSignature,
): boolean {
  return key.verify(payload, signature);
}

function signerOf(key: PublicKey): AcceptedSigner {
  return { key: key.fingerprint };
}

/** The certificates of a chain without its root, which proves nothing. */
function chainOf<T>(
  { annotations }: SimpleSignature,
  parse: (pem: string, name: string) => T[],
): T[] {
  const pem = annotations[ANNOTATION.chain];
  return pem ? parse(pem, "the certificate chain").slice(0, -1) : [];
}

function checkEmail(emails: readonly string[], wanted: string): void {
  if (!emails.includes(wanted)) {
    throw bad(
      `its certificate is for ${emails.join(", ") || "no e-mail address"}`,
    );
  }
}
