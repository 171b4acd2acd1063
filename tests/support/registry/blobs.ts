/**
 * The blob endpoint.
 *
 * @module
 */

import { sha256 } from "../images.ts";
import { bodyBytes } from "./body_bytes.ts";
import { parseRange } from "./byte_range.ts";
import type { Content } from "./content.ts";
import { isDigest } from "./digests.ts";
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
  seen: SeenRequest,
  { content, quirks }: BlobsContext,
): Response {
  const { method, repository, reference } = seen;
  if (!isDigest(reference)) return refusal(400, "DIGEST_INVALID");
  const bytes = content.hasBlob(repository, reference)
    ? content.blob(reference)
    : undefined;
  if (!bytes) return refusal(404, "BLOB_UNKNOWN");
  switch (method) {
    case "HEAD":
      return new Response(null, { headers: headersOf(bytes, seen, quirks) });
    case "GET":
      return get(bytes, seen, quirks);
    case "DELETE":
      if (quirks.deletes === "nothing") return refusal(405, "UNSUPPORTED");
      content.repository(repository).blobs.delete(reference);
      return new Response(null, { status: 202 });
    default:
      return refusal(405, "UNSUPPORTED");
  }
}

function headersOf(
  bytes: Uint8Array,
  { reference }: SeenRequest,
  { answersSha256 }: Quirks,
): Record<string, string> {
  return {
    "content-length": String(bytes.byteLength),
    "content-type": "application/octet-stream",
    "docker-content-digest": answersSha256 ? sha256(bytes) : reference,
  };
}

function get(
  bytes: Uint8Array,
  seen: SeenRequest,
  quirks: Quirks,
): Response {
  if (quirks.blobOrigin) {
    const location = `${quirks.blobOrigin()}${seen.path}?signature=secret`;
    return new Response(null, { status: 307, headers: { location } });
  }
  const size = bytes.byteLength;
  const headers = headersOf(bytes, seen, quirks);
  if (quirks.refusesOpenRanges && seen.range?.endsWith("-")) {
    return refusal(416, "BLOB_UNKNOWN", "the range is not understood");
  }
  const range = quirks.ignoreRange ? undefined : parseRange(seen.range, size);
  if (range === undefined) return new Response(bodyBytes(bytes), { headers });
  if (range === "unsatisfiable") {
    const unsatisfied = { "content-range": `bytes */${size}` };
    return quirks.breaksBadRanges
      ? brokenBody({ ...headers, ...unsatisfied })
      : refusal(416, "RANGE_INVALID", undefined, unsatisfied);
  }
  const { from, to } = range;
  return new Response(bodyBytes(bytes.subarray(from, to + 1)), {
    status: 206,
    headers: {
      ...headers,
      "content-length": String(to + 1 - from),
      "content-range": `bytes ${from}-${to}/${size}`,
    },
  });
}

/** A refusal that names the blob's length, and is shorter. */
function brokenBody(headers: Record<string, string>): Response {
  let isSent = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (isSent) throw new Error("shorter than its length");
      isSent = true;
      controller.enqueue(new TextEncoder().encode("invalid range"));
    },
  });
  return new Response(body, { status: 416, headers });
}
