/**
 * What a Rekor log promises of signatures, made without hangar's own code.
 *
 * @module
 */

import { createHash, sign } from "node:crypto";
import type { TestKey } from "./signing.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** A signature that a log is to record. */
export interface RecordedSignature {
  /** The public key, or the certificate, in PEM. */
  readonly by: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** In seconds since the epoch. @default now */
  readonly time?: number;
}

/** The promise of a log that it has recorded a signature. */
export function rekorPromise(
  log: TestKey,
  { by, payload, signature, time = Math.floor(Date.now() / 1000) }:
    RecordedSignature,
): string {
  const body = encode(JSON.stringify({
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: {
        hash: {
          algorithm: "sha256",
          value: createHash("sha256").update(payload).digest("hex"),
        },
      },
      signature: {
        content: signature.toBase64(),
        publicKey: { content: encode(by).toBase64() },
      },
    },
  })).toBase64();
  // RFC 8785: keys in order, no spaces.
  const canonical =
    `{"body":"${body}","integratedTime":${time},"logID":"abcd","logIndex":7}`;
  const stamp = sign("sha256", encode(canonical), log.privateKey);
  return JSON.stringify({
    SignedEntryTimestamp: stamp.toString("base64"),
    Payload: JSON.parse(canonical),
  });
}
