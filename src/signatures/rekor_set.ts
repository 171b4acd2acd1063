/**
 * The signed entry timestamp of a Rekor log: its promise that it has recorded a
 * signature. cosign keeps it in an annotation (SIGNATURE_SPEC.md, "bundle").
 *
 * @module
 */

import { json as canonicalJson } from "@sigstore/core";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { decodeBase64 } from "../base64.ts";
import { HangarError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { parseJsonObject } from "../oci/manifest.ts";
import { pemBytes } from "./pem.ts";
import type { PublicKey } from "./sigstore_key.ts";

/** What a log must have recorded. */
export interface LoggedSignature {
  /** The key, or the certificate, in PEM. */
  readonly keyPem: string;
  readonly signature: Uint8Array;
  readonly payload: Uint8Array;
}

function refuse(why: string): never {
  throw new HangarError("invalid-signature", `the log's promise ${why}`);
}

function objectAt(json: JsonObject, key: string): JsonObject {
  const value = json[key];
  return isJsonObject(value) ? value : refuse(`has no ${key}`);
}

function only(json: JsonObject, keys: readonly string[]): JsonObject {
  const given = Object.keys(json);
  return given.length === keys.length && given.every((k) => keys.includes(k))
    ? json
    : refuse(`has other fields than ${keys.join(", ")}`);
}

/**
 * Checks a promise, and that it is about this signature.
 *
 * @param promise the annotation's text
 * @returns when the log recorded the signature
 * @throws {HangarError} `invalid-signature`
 */
export function verifyRekorSet(
  promise: string,
  rekorKeys: readonly PublicKey[],
  logged: LoggedSignature,
): Date {
  const set = only(parse(new TextEncoder().encode(promise)), [
    "SignedEntryTimestamp",
    "Payload",
  ]);
  const payload = only(objectAt(set, "Payload"), [
    "body",
    "integratedTime",
    "logIndex",
    "logID",
  ]);
  const stamp = bytesOf(set["SignedEntryTimestamp"], "timestamp");
  const signed = new TextEncoder().encode(
    canonicalJson.canonicalize({ ...payload }),
  );
  if (!rekorKeys.some((key) => key.verify(signed, stamp))) {
    refuse("is not signed by the log");
  }
  const { integratedTime } = payload;
  if (!Number.isSafeInteger(integratedTime)) refuse("names no time");
  checkEntry(parse(bytesOf(payload["body"], "body")), logged);
  return new Date(Number(integratedTime) * 1000);
}

/** Checks that the entry, a hashedrekord 0.0.1, is about this signature. */
function checkEntry(entry: JsonObject, logged: LoggedSignature): void {
  if (entry["kind"] !== "hashedrekord" || entry["apiVersion"] !== "0.0.1") {
    refuse("is about an entry of another kind");
  }
  const spec = objectAt(entry, "spec");
  const { content, publicKey } = objectAt(spec, "signature");
  const keyPem = new TextDecoder().decode(
    bytesOf(isJsonObject(publicKey) ? publicKey["content"] : "", "key"),
  );
  if (!same(pemBytes(keyPem), pemBytes(logged.keyPem))) {
    refuse("is about another key");
  }
  if (!same(bytesOf(content, "signature"), logged.signature)) {
    refuse("is about another signature");
  }
  const { algorithm, value } = objectAt(objectAt(spec, "data"), "hash");
  const hash = createHash("sha256").update(logged.payload).digest("hex");
  if (algorithm !== "sha256" || value !== hash) {
    refuse("is about another payload");
  }
}

function parse(bytes: Uint8Array): JsonObject {
  try {
    return parseJsonObject(bytes, "it");
  } catch {
    return refuse("is not JSON");
  }
}

function bytesOf(base64: unknown, what: string): Uint8Array {
  if (typeof base64 !== "string" || base64 === "") {
    return refuse(`has no ${what}`);
  }
  try {
    return decodeBase64(base64);
  } catch {
    return refuse(`has a ${what} that is not base64`);
  }
}

function same(
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
