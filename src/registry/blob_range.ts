/**
 * A blob from an offset on (distribution-spec, "Pulling blobs"; RFC 9110, 14).
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import type { Descriptor } from "../oci/manifest.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";

/**
 * Checks that the registry sends the range that was asked for, of the same
 * blob.
 *
 * @throws {HangarError} `protocol`
 */
export async function checkRange(
  request: TransportRequest,
  response: Response,
  offset: number,
  blob: Descriptor,
): Promise<void> {
  const given = response.headers.get("content-range") ?? "";
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(given);
  const [, first, last, size] = match ?? [];
  if (
    Number(first) === offset && Number(last) === blob.size - 1 &&
    (size === "*" || Number(size) === blob.size)
  ) {
    return;
  }
  await discard(response);
  throw new HangarError(
    "protocol",
    `GET ${
      redactUrl(request.url)
    }: asked for bytes from ${offset} of ${blob.size}, the registry sends ${
      JSON.stringify(given.slice(0, 80))
    }`,
  );
}

/** Skips bytes that are known already, when a registry sends the whole blob. */
export async function skip(
  reader: ByteReader,
  bytes: number,
): Promise<ByteReader> {
  let left = bytes;
  while (left > 0) {
    const chunk = await reader.read();
    if (!chunk) break;
    left -= chunk.byteLength;
    if (left >= 0) {
      reader.release?.(chunk);
      continue;
    }
    const rest: Uint8Array = chunk.subarray(chunk.byteLength + left);
    let first: Uint8Array | undefined = rest;
    return {
      read: () => {
        const piece = first;
        first = undefined;
        return piece ? Promise.resolve(piece) : reader.read();
      },
      cancel: (reason) => reader.cancel(reason),
      release: (piece) => reader.release?.(piece),
    };
  }
  return reader;
}
