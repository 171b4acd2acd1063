/**
 * DSSE envelopes (secure-systems-lab/dsse, protocol.md) around in-toto
 * statements, as cosign keeps them under the `.att` tag.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "../../base64.ts";
import { HangarError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import { parseStrictJson } from "../../strict_json.ts";
import type { PayloadSigner, PublicKey } from "../sigstore_key.ts";
import type { BundleVerifier, SignerIdentity } from "../verify_bundle.ts";
import { IN_TOTO_TYPE, parseStatement, type Statement } from "./statement.ts";

/** The media type of an envelope as a layer. */
export const ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json";

/** The largest envelope, in bytes: SBOMs may be attested too. */
export const MAX_ENVELOPE_BYTES = 16 * 1024 * 1024;

/** The most signatures of one envelope that are looked at. */
const MAX_SIGNATURES = 20;

/** A statement, and whether it is signed by whom one trusts. */
export interface SignedStatement {
  readonly statement: Statement;
  /** Whether the private half of a key made a signature of it. */
  verify(key: PublicKey): boolean;
  /** Whether the verifier accepts it as made by an identity. */
  isBy(identity: SignerIdentity, verifier: BundleVerifier): boolean;
}

/** Signs a statement; gives the envelope's bytes. */
export async function signStatement(
  statement: string,
  key: PayloadSigner,
): Promise<Uint8Array> {
  const payload = new TextEncoder().encode(statement);
  const signature = await key.sign(preAuthEncoding(IN_TOTO_TYPE, payload));
  return new TextEncoder().encode(JSON.stringify({
    payloadType: IN_TOTO_TYPE,
    payload: encodeBase64(payload),
    // Go's DSSE verifier ignores signatures with a key id that is no SSH
    // fingerprint.
    signatures: [{ keyid: "", sig: encodeBase64(signature) }],
  }));
}

/**
 * Reads an envelope.
 *
 * @throws {HangarError} `invalid-signature` when it is none
 */
export function parseEnvelope(bytes: Uint8Array): SignedStatement {
  const refuse = (why: string, cause?: unknown): never => {
    throw new HangarError("invalid-signature", `the envelope ${why}`, {
      cause,
    });
  };
  try {
    const json = parseStrictJson(new TextDecoder().decode(bytes), {
      payloadType: {},
      payload: {},
      signatures: { keyid: {}, sig: {} },
    });
    if (!isJsonObject(json) || json["payloadType"] !== IN_TOTO_TYPE) {
      return refuse("holds no in-toto statement");
    }
    const { payload, signatures } = json;
    if (typeof payload !== "string" || !Array.isArray(signatures)) {
      return refuse("is malformed");
    }
    const content = decodeBase64(payload);
    const signed = preAuthEncoding(IN_TOTO_TYPE, content);
    const found = signatures.slice(0, MAX_SIGNATURES).flatMap((
      one: unknown,
    ) =>
      isJsonObject(one) && typeof one["sig"] === "string"
        ? [decodeBase64(one["sig"])]
        : []
    );
    return {
      statement: parseStatement(new TextDecoder().decode(content)),
      verify: (key) => found.some((sig) => key.verify(signed, sig)),
      // What signs without a key makes bundles.
      isBy: () => false,
    };
  } catch (cause) {
    if (cause instanceof HangarError) throw cause;
    return refuse("is malformed", cause);
  }
}

/** The bytes that are signed. */
function preAuthEncoding(type: string, payload: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(
    `DSSEv1 ${type.length} ${type} ${payload.byteLength} `,
  );
  const bytes = new Uint8Array(head.byteLength + payload.byteLength);
  bytes.set(head);
  bytes.set(payload, head.byteLength);
  return bytes;
}
