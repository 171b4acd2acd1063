/**
 * The blob endpoint.
 *
 * @module
 */

import { bodyBytes } from "./body_bytes.ts";
import type { Content } from "./content.ts";
import type { Quirks } from "./quirks.ts";
import { refusal } from "./refusal.ts";
import type { SeenRequest } from "./request_log.ts";

/** What the answers depend on. */
export interface BlobsContext {
  readonly content: Content;
  readonly quirks: Quirks;
}

/** Answers requests for blobs. */
export function answerBlob(
  { method, path, range, repository, reference }: SeenRequest,
  { content, quirks }: BlobsContext,
): Response {
  const stored = content.hasBlob(repository, reference)
    ? content.blob(reference)
    : undefined;
  if (!stored) return refusal(404, "BLOB_UNKNOWN");
  const bytes = bodyBytes(stored);
  const size = bytes.byteLength;
  const headers = {
    "content-length": String(size),
    "content-type": "application/octet-stream",
    "docker-content-digest": reference,
  };
  if (method === "HEAD") return new Response(null, { headers });
  if (quirks.blobOrigin) {
    return new Response(null, {
      status: 307,
      headers: {
        location: `${quirks.blobOrigin()}${path}?signature=secret`,
      },
    });
  }
  const wanted = /^bytes=(\d+)-$/.exec(range ?? "");
  if (wanted && !quirks.ignoreRange) {
    const from = Number(wanted[1]);
    return new Response(bytes.subarray(from), {
      status: 206,
      headers: {
        ...headers,
        "content-length": String(size - from),
        "content-range": `bytes ${from}-${size - 1}/${size}`,
      },
    });
  }
  return new Response(bytes, { headers });
}
