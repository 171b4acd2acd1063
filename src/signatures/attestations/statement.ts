/**
 * In-toto statements (in-toto attestation spec, Statement v1): what is said of
 * which digests.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { isJsonObject, type JsonObject } from "../../json.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { type KnownKeys, parseStrictJson } from "../../strict_json.ts";

/** The payload type of a statement in a DSSE envelope. */
export const IN_TOTO_TYPE = "application/vnd.in-toto+json";

const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
/** Older ones; cosign 2 makes them. */
const STATEMENT_TYPES = new Set<unknown>([
  STATEMENT_TYPE,
  "https://in-toto.io/Statement/v0.1",
]);
const STATEMENT_KEYS: KnownKeys = {
  _type: {},
  subject: { name: {}, digest: {} },
  predicateType: {},
  predicate: {},
};

/** A statement. */
export interface Statement {
  /** The digests of its subjects. */
  readonly digests: readonly Digest[];
  readonly predicateType: string;
  readonly predicate: JsonObject;
}

/** The JSON of a statement on one digest. */
export function makeStatement({ digest, name, predicateType, predicate }: {
  readonly digest: Digest;
  /** The subject's name. @default {none} */
  readonly name?: string;
  readonly predicateType: string;
  readonly predicate: JsonObject;
}): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return JSON.stringify({
    _type: STATEMENT_TYPE,
    subject: [{
      ...(name !== undefined && { name }),
      digest: { [algorithm]: hex },
    }],
    predicateType,
    predicate,
  });
}

/**
 * Reads a statement.
 *
 * @throws {HangarError} `invalid-signature` when it is none
 */
export function parseStatement(text: string): Statement {
  const refuse = (cause?: unknown): never => {
    throw new HangarError(
      "invalid-signature",
      "what was signed is not an in-toto statement",
      { cause },
    );
  };
  let json: unknown;
  try {
    json = parseStrictJson(text, STATEMENT_KEYS);
  } catch (cause) {
    return refuse(cause);
  }
  if (!isJsonObject(json) || !STATEMENT_TYPES.has(json["_type"])) {
    return refuse();
  }
  const { subject, predicateType, predicate } = json;
  if (!Array.isArray(subject) || typeof predicateType !== "string") {
    return refuse();
  }
  const digests = subject.flatMap((one: unknown) =>
    isJsonObject(one) && isJsonObject(one["digest"])
      ? Object.entries(one["digest"]).map(([name, hex]) => `${name}:${hex}`)
      : []
  ).filter(isDigest);
  return {
    digests,
    predicateType,
    predicate: isJsonObject(predicate) ? predicate : {},
  };
}
