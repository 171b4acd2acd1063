/**
 * Reading Sigstore bundles (protobuf-specs, bundle v0.3) around in-toto
 * statements.
 *
 * @module
 */

import { bundleFromJSON } from "@sigstore/bundle";
import { dsse } from "@sigstore/core";
import { HangarError } from "../errors.ts";
import { parseStrictJson } from "../strict_json.ts";
import type { SignedStatement } from "./attestations/envelope.ts";
import { IN_TOTO_TYPE, parseStatement } from "./attestations/statement.ts";

/** Media type of a bundle, and artifact type of the referrer that holds it. */
export const BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";

/** The predicate of cosign's statements: the subject was signed. */
export const SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** Annotation of a bundle's manifest: the predicate type of its statement. */
export const PREDICATE_ANNOTATION = "dev.sigstore.bundle.predicateType";

/** The largest bundle, in bytes; real ones have some 10 KB. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;

/**
 * Reads a bundle.
 *
 * @throws {HangarError} `invalid-signature` when it holds no statement
 */
export function parseBundle(bytes: Uint8Array): SignedStatement {
  const refuse = (why: string, cause?: unknown): never => {
    throw new HangarError("invalid-signature", `the bundle ${why}`, { cause });
  };
  try {
    const bundle = bundleFromJSON(
      parseStrictJson(new TextDecoder().decode(bytes)),
    );
    if (bundle.content.$case !== "dsseEnvelope") {
      return refuse("holds no DSSE envelope");
    }
    const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
    if (payloadType !== IN_TOTO_TYPE) return refuse("holds no statement");
    const signed = dsse.preAuthEncoding(payloadType, payload);
    return {
      statement: parseStatement(payload.toString()),
      verify: (key) => signatures.some(({ sig }) => key.verify(signed, sig)),
      isBy: (identity, verifier) => {
        try {
          verifier.verify(bundle, identity);
          return true;
        } catch (error) {
          if (error instanceof HangarError) return false;
          throw error;
        }
      },
    };
  } catch (cause) {
    if (cause instanceof HangarError) throw cause;
    return refuse("is malformed", cause);
  }
}
