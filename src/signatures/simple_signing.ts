/**
 * The payload of a signature of cosign's or of a GPG signature: simple signing
 * (containers-signature(5), cosign's SIGNATURE_SPEC.md).
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../base64.ts";
import { HangarError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { SIGNATURE_ANNOTATION } from "../oci/attachment.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import {
  type Descriptor,
  parseDescriptor,
  parseJsonObject,
} from "../oci/manifest.ts";

/** The media type of a payload as a layer. */
export const SIMPLE_SIGNING_TYPE =
  "application/vnd.dev.cosign.simplesigning.v1+json";

/** The largest payload, in bytes; real ones have some 300. */
export const MAX_PAYLOAD_BYTES = 64 * 1024;

/** `critical.type` of payloads by cosign, and of those by GPG. */
export type PayloadType =
  | "cosign container image signature"
  | "atomic container signature";

/** What a signature claims. */
export interface Claim {
  readonly type: PayloadType;
  /** The image's name for its signer, `docker-reference`. */
  readonly reference: string;
  readonly digest: Digest;
}

/** A payload for a claim. Equal claims give equal bytes. */
export function makePayload(claim: Omit<Claim, "type">): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({
    critical: {
      identity: { "docker-reference": claim.reference },
      image: { "docker-manifest-digest": claim.digest },
      type: "cosign container image signature",
    },
    optional: {},
  }));
}

/** The descriptor of a payload as a layer, with its signature. */
export function describeSignature(
  payload: Uint8Array,
  signature: Uint8Array,
): Descriptor {
  return parseDescriptor({
    mediaType: SIMPLE_SIGNING_TYPE,
    size: payload.byteLength,
    digest: digestOf(payload),
    annotations: { [SIGNATURE_ANNOTATION]: encodeBase64(signature) },
  }, "signature");
}

/** The signature of a layer; undefined when it has none. */
export function signatureOf(layer: Descriptor): Uint8Array | undefined {
  const text = layer.annotations?.[SIGNATURE_ANNOTATION];
  if (layer.mediaType !== SIMPLE_SIGNING_TYPE || !text) return undefined;
  try {
    return decodeBase64(text);
  } catch {
    return undefined;
  }
}

/**
 * Reads a payload. Its signature must be verified before. Unknown fields are
 * refused: they might limit what the signature claims.
 *
 * @throws {HangarError} `invalid-signature`
 */
export function parsePayload(bytes: Uint8Array): Claim {
  const refuse = (why: string): never => {
    throw new HangarError("invalid-signature", `the signed payload ${why}`);
  };
  const only = (json: unknown, keys: readonly string[]): JsonObject => {
    if (!isJsonObject(json)) return refuse("is not the object it should be");
    const given = Object.keys(json);
    return given.length === keys.length && given.every((k) => keys.includes(k))
      ? json
      : refuse(`has other fields than ${keys.join(", ")}`);
  };
  let json: JsonObject;
  try {
    json = parseJsonObject(bytes, "it");
  } catch {
    return refuse("is not JSON");
  }
  const { critical, optional } = only(json, ["critical", "optional"]);
  if (optional !== null && !isJsonObject(optional)) {
    return refuse("has an optional part that is not an object");
  }
  const { type, image, identity } = only(critical, [
    "type",
    "image",
    "identity",
  ]);
  if (
    type !== "cosign container image signature" &&
    type !== "atomic container signature"
  ) {
    return refuse(`is of another type, ${JSON.stringify(type)}`);
  }
  const { "docker-manifest-digest": digest } = only(image, [
    "docker-manifest-digest",
  ]);
  const { "docker-reference": reference } = only(identity, [
    "docker-reference",
  ]);
  if (typeof digest !== "string" || !isDigest(digest)) {
    return refuse("names no digest");
  }
  if (typeof reference !== "string") return refuse("names no image");
  return { type, reference, digest };
}
