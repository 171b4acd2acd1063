/**
 * Signatures made without hangar's own code.
 *
 * @module
 */

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { type MadeImage, sha256 } from "./images.ts";

/** A key pair of a test. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly publicPem: string;
}

/** A new EC P-256 key pair. */
export function makeKey(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  });
  return {
    privateKey,
    publicKey,
    publicPem: String(publicKey.export({ type: "spki", format: "pem" })),
  };
}

/** A key pair out of a private key in PEM. */
export function keyFromPem(pem: string): TestKey {
  const privateKey = createPrivateKey(pem);
  const publicKey = createPublicKey(privateKey);
  return {
    privateKey,
    publicKey,
    publicPem: String(publicKey.export({ type: "spki", format: "pem" })),
  };
}

/** A signature that an image is to bear. */
export interface TestSignature {
  readonly key: TestKey;
  readonly reference: string;
  /** @default the image's own */
  readonly digest?: string;
  /** Changes the payload before it is signed. */
  readonly payload?: (json: Record<string, unknown>) => unknown;
  /** The payload's text, whatever it says. */
  readonly text?: string;
  /** Changes the payload after it is signed. */
  readonly tamper?: (bytes: Uint8Array) => Uint8Array;
  /** More annotations, made from payload and signature. */
  readonly annotations?: (
    payload: Uint8Array,
    signature: Uint8Array,
  ) => Readonly<Record<string, string>>;
  readonly mediaType?: string;
}

const encode = (json: unknown) =>
  new TextEncoder().encode(JSON.stringify(json));

/** The image that cosign would keep under the `.sig` tag. */
export function signaturesOf(
  digest: string,
  signatures: readonly TestSignature[],
): MadeImage {
  const blobs = new Map<string, Uint8Array>();
  const layers = signatures.map((one) => {
    const json = {
      critical: {
        identity: { "docker-reference": one.reference },
        image: { "docker-manifest-digest": one.digest ?? digest },
        type: "cosign container image signature",
      },
      optional: null,
    };
    const signed = one.text === undefined
      ? encode(one.payload?.(json) ?? json)
      : new TextEncoder().encode(one.text);
    const signature = sign("sha256", signed, one.key.privateKey);
    const payload = one.tamper?.(signed) ?? signed;
    blobs.set(sha256(payload), payload);
    return {
      mediaType: one.mediaType ??
        "application/vnd.dev.cosign.simplesigning.v1+json",
      digest: sha256(payload),
      size: payload.byteLength,
      annotations: {
        "dev.cosignproject.cosign/signature": signature.toString("base64"),
        ...one.annotations?.(payload, signature),
      },
    };
  });
  const config = encode({
    architecture: "",
    os: "",
    rootfs: { type: "layers", diff_ids: layers.map((l) => l.digest) },
  });
  blobs.set(sha256(config), config);
  const bytes = encode({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: sha256(config),
      size: config.byteLength,
    },
    layers,
  });
  const manifest = {
    bytes,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: sha256(bytes),
  };
  return { ...manifest, manifests: [manifest], blobs };
}

/** Whether a payload's signature is by a key. */
export function isSignedBy(
  payload: Uint8Array,
  signature: string,
  publicPem: string,
): boolean {
  return verify("sha256", payload, publicPem, base64(signature));
}

function base64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
