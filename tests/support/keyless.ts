/**
 * A deployment of Sigstore (Fulcio's CA, a Rekor log), and bundles signed
 * without a key, made without hangar's own code.
 *
 * @module
 */

import { createHash, sign } from "node:crypto";
import {
  type CertificateOptions,
  logIdOf,
  makeCertificate,
  type TestCertificate,
} from "./certificates.ts";
import { type MadeImage, type MadeManifest, sha256 } from "./images.ts";
import { makeKey } from "./signing.ts";

const BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const EMPTY = "application/vnd.oci.empty.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
/** Who signs. */
export const ANN = "ann@example.org";
/** Who vouches for it. */
export const ISSUER = "https://idp.example";

const encode = (json: unknown) =>
  new TextEncoder().encode(
    typeof json === "string" ? json : JSON.stringify(json),
  );

function hashOf(bytes: Uint8Array, hash = createHash("sha256")): Uint8Array {
  return hash.update(bytes).digest();
}

/** What is to be wrong with a bundle. */
export interface BundleOptions {
  readonly digest?: string;
  readonly certificate?: CertificateOptions;
  readonly signature?: Uint8Array;
  /** When the log says that it took it in. */
  readonly time?: Date;
  readonly logged?: boolean;
  /** What is said of it. @default {it is signed} */
  readonly says?: {
    readonly predicateType: string;
    readonly predicate: unknown;
  };
}

/** A token that says who signs; nobody checks its signature here. */
export function makeToken(email = ANN): string {
  const part = (json: unknown) =>
    encode(json).toBase64({ alphabet: "base64url", omitPadding: true });
  return [
    part({ alg: "none" }),
    part({ iss: ISSUER, sub: "1", email, aud: "sigstore" }),
    "c2ln",
  ].join(".");
}

/** A deployment. */
export class TestSigstore {
  readonly ca = makeCertificate({ isCa: true, name: "fulcio" });
  readonly log = makeKey();

  /** The `trusted_root.json` that names it. */
  trustedRoot(): string {
    return JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
      tlogs: [{
        baseUrl: "https://rekor.example",
        hashAlgorithm: "SHA2_256",
        publicKey: {
          rawBytes: this.log.publicKey.export({ type: "spki", format: "der" })
            .toString("base64"),
          keyDetails: "PKIX_ECDSA_P256_SHA_256",
          validFor: { start: "2020-01-01T00:00:00Z" },
        },
        logId: { keyId: logIdOf(this.log).toBase64() },
      }],
      certificateAuthorities: [{
        subject: { organization: "test", commonName: "fulcio" },
        uri: "https://fulcio.example",
        certChain: {
          certificates: [{ rawBytes: this.ca.der.toBase64() }],
        },
        validFor: { start: "2020-01-01T00:00:00Z" },
      }],
      ctlogs: [],
      timestampAuthorities: [],
    });
  }

  /** A certificate for Ann. */
  certify(options: CertificateOptions = {}): TestCertificate {
    return makeCertificate({
      issuer: this.ca,
      email: ANN,
      oidcIssuer: ISSUER,
      ...options,
    });
  }

  /** The referrer by which Ann signs a manifest. */
  sign(subject: MadeManifest, options: BundleOptions = {}): MadeImage {
    const certificate = this.certify(options.certificate);
    const [algorithm = "", hex] = (options.digest ?? subject.digest).split(":");
    const payload = encode({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ digest: { [algorithm]: hex } }],
      predicateType: "https://sigstore.dev/cosign/sign/v1",
      predicate: {},
      ...options.says,
    });
    const type = "application/vnd.in-toto+json";
    const text = new TextDecoder().decode(payload);
    const signature = options.signature ??
      sign(
        "sha256",
        encode(`DSSEv1 ${type.length} ${type} ${payload.length} ${text}`),
        certificate.privateKey,
      );
    const entry = this.#enter(payload, signature, certificate, options.time);
    return asReferrer(subject, {
      mediaType: BUNDLE,
      verificationMaterial: {
        certificate: { rawBytes: certificate.der.toBase64() },
        tlogEntries: options.logged === false ? [] : [entry],
      },
      dsseEnvelope: {
        payload: payload.toBase64(),
        payloadType: type,
        signatures: [{ sig: signature.toBase64(), keyid: "" }],
      },
    });
  }

  /** An entry of a log of one entry. */
  #enter(
    payload: Uint8Array,
    signature: Uint8Array,
    certificate: TestCertificate,
    time = new Date(),
  ) {
    const body = encode({
      apiVersion: "0.0.1",
      kind: "dsse",
      spec: {
        payloadHash: {
          algorithm: "sha256",
          value: hashOf(payload).toHex(),
        },
        signatures: [{
          signature: signature.toBase64(),
          verifier: encode(certificate.pem).toBase64(),
        }],
      },
    }).toBase64();
    const integratedTime = Math.floor(time.getTime() / 1000);
    const logId = logIdOf(this.log);
    const promised =
      `{"body":"${body}","integratedTime":${integratedTime},"logID":"${logId.toHex()}","logIndex":0}`;
    const byLog = (text: string) =>
      sign("sha256", encode(text), this.log.privateKey);
    const leaf = Uint8Array.from([0, ...Uint8Array.fromBase64(body)]);
    const root = hashOf(leaf).toBase64();
    const note = `rekor.example - 1\n1\n${root}\n`;
    const noteSignature = Uint8Array.from([
      ...logId.slice(0, 4),
      ...byLog(note),
    ]).toBase64();
    return {
      logIndex: "0",
      logId: { keyId: logId.toBase64() },
      kindVersion: { kind: "dsse", version: "0.0.1" },
      integratedTime: String(integratedTime),
      inclusionPromise: {
        signedEntryTimestamp: byLog(promised).toString("base64"),
      },
      inclusionProof: {
        logIndex: "0",
        rootHash: root,
        treeSize: "1",
        hashes: [],
        checkpoint: {
          envelope: `${note}\n\u2014 rekor.example ${noteSignature}\n`,
        },
      },
      canonicalizedBody: body,
    };
  }
}

function asReferrer(subject: MadeManifest, bundle: unknown): MadeImage {
  const layer = encode(bundle);
  const config = encode({});
  const bytes = encode({
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: BUNDLE,
    config: {
      mediaType: EMPTY,
      digest: sha256(config),
      size: config.byteLength,
    },
    layers: [{
      mediaType: BUNDLE,
      digest: sha256(layer),
      size: layer.byteLength,
    }],
    subject: {
      mediaType: subject.mediaType,
      digest: subject.digest,
      size: subject.bytes.byteLength,
    },
  });
  const manifest = { bytes, mediaType: MANIFEST, digest: sha256(bytes) };
  return {
    ...manifest,
    manifests: [manifest],
    blobs: new Map([[sha256(config), config], [sha256(layer), layer]]),
  };
}
