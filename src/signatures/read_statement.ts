/**
 * in-toto statements as attestations carry them: bare, in a DSSE envelope as
 * cosign does, or in a Sigstore bundle. Signatures are not looked at.
 *
 * @module
 */

import { decodeBase64 } from "../base64.ts";
import { isJsonObject, type JsonObject } from "../json.ts";

/** A statement about an image (in-toto, "Statement"). */
export interface Statement {
  readonly predicateType: string;
  /** The statement, whole. */
  readonly json: JsonObject;
}

/** A document that is attached to an image, parsed. */
export interface AttachedDocument {
  /** Undefined when the document is no statement, such as a bare SBOM. */
  readonly statement?: Statement;
  /** The statement, or the document itself. */
  readonly json: JsonObject;
}

/**
 * Parses a document; undefined when it is no JSON object, or an envelope around
 * anything else than a statement.
 */
export function readDocument(bytes: Uint8Array): AttachedDocument | undefined {
  const document = parseObject(new TextDecoder().decode(bytes));
  if (document === undefined) return undefined;
  const envelope = isJsonObject(document["dsseEnvelope"])
    ? document["dsseEnvelope"]
    : document;
  const { payload, payloadType } = envelope;
  if (typeof payload === "string" && typeof payloadType === "string") {
    const json = parseObject(textOf(payload));
    const statement = json && statementOf(json);
    return statement && { statement, json: statement.json };
  }
  return { statement: statementOf(document), json: document };
}

function statementOf(json: JsonObject): Statement | undefined {
  const { predicateType } = json;
  return typeof predicateType === "string"
    ? { predicateType, json }
    : undefined;
}

/** The text that base64 stands for; empty when it is malformed. */
function textOf(base64: string): string {
  try {
    return new TextDecoder().decode(decodeBase64(base64));
  } catch {
    return "";
  }
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
