/**
 * A trial: does a registry refuse content whose digest is wrong? The
 * distribution-spec wants it to ("Pushing blobs": the digest MUST match).
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import type { DigestTrialResult } from "../../oci/store.ts";
import type { Upload } from "./upload.ts";

const CONTENT = new TextEncoder().encode(
  "hangar tries whether this registry checks digests: this is not the content of the digest that it is sent under\n",
);

/** The requests of a trial. */
export interface TrialRequests {
  readonly open: () => Promise<Upload>;
  /** The status for a HEAD of a blob. */
  readonly look: (digest: Digest) => Promise<number>;
  readonly signal?: AbortSignal;
}

/**
 * Sends a few bytes under a digest that they do not have, by the requests that
 * large blobs are sent with. Only the refusal that the specification has for it
 * counts, and only where nothing is there afterwards.
 *
 * @throws {HangarError} when a request fails before the registry can say
 */
export async function tryWrongDigest(
  { open, look, signal }: TrialRequests,
): Promise<DigestTrialResult> {
  // Nothing else has this digest.
  const digest = digestOf(crypto.getRandomValues(new Uint8Array(32)));
  const upload = await open();
  try {
    await upload.patch(CONTENT, { signal });
    await upload.finish({ digest }, undefined, signal);
  } catch (error) {
    await upload.cancel();
    if (!isDigestRefusal(error)) throw error;
    const status = await look(digest);
    return status === 404 ? "refused" : status === 200 ? "taken" : "unclear";
  }
  return "taken";
}

function isDigestRefusal(error: unknown): boolean {
  if (!(error instanceof HangarError)) return false;
  const { status = 0, registryCodes } = error;
  return status >= 400 && status < 500 &&
    registryCodes.includes("DIGEST_INVALID");
}
