/**
 * Reads GPG signatures from where they are kept apart from the image (the
 * lookaside of containers-registries.d(5)).
 *
 * @module
 */

import { signatureUrl } from "../config/registries_d.ts";
import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { readBounded } from "../transport/read_body.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { discard, type Transport } from "../transport/transport.ts";
import { fileError, isAbsent } from "./file_error.ts";

/** The most GPG signatures of one image that are looked at. */
const MAX_SIGNATURES = 100;
const MAX_SIGNATURE_BYTES = 1024 * 1024;

/** The image whose signatures are wanted. */
export interface SignedImage {
  /** Its path within the registry. */
  readonly repository: string;
  readonly digest: Digest;
}

/**
 * The signatures of an image. They are numbered from 1; the first missing
 * number is the end.
 *
 * @param base a `file:`, `http:` or `https:` URL
 * @param transport for `http:` and `https:` URLs
 * @throws {HangarError} `file`, `too-large`, or any fault of the server
 */
export async function readLookaside(
  base: URL,
  { repository, digest }: SignedImage,
  transport: Transport,
  signal: AbortSignal,
): Promise<Uint8Array[]> {
  const signatures: Uint8Array[] = [];
  while (signatures.length < MAX_SIGNATURES) {
    const n = signatures.length + 1;
    const url = signatureUrl(base, repository, digest, n);
    const bytes = url.protocol === "file:"
      ? await readSignatureFile(url)
      : await fetchSignature(url, transport, signal);
    if (!bytes) break;
    signatures.push(bytes);
  }
  return signatures;
}

async function readSignatureFile(url: URL): Promise<Uint8Array | undefined> {
  try {
    const { size } = await Deno.stat(url);
    if (size > MAX_SIGNATURE_BYTES) {
      throw new HangarError(
        "too-large",
        `${url.pathname} has ${size} bytes, which no signature has`,
      );
    }
    return await Deno.readFile(url);
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    if (cause instanceof HangarError) throw cause;
    throw fileError("read", url.pathname, cause);
  }
}

async function fetchSignature(
  url: URL,
  transport: Transport,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const response = await transport({ method: "GET", url, signal });
  if (response.status === 200) {
    return await readBounded(response, MAX_SIGNATURE_BYTES, {
      method: "GET",
      url,
      signal,
    });
  }
  await discard(response);
  if (response.status === 404) return undefined;
  throw new HangarError(
    "registry",
    `GET ${redactUrl(url)}: ${response.status}, and no signature`,
    { status: response.status },
  );
}
