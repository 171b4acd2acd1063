/**
 * What a registry refuses of a request to an upload before it reads the body.
 *
 * @module
 */

import type { Quirks } from "./quirks.ts";
import { refusal } from "./refusal.ts";

/** How far an upload has come. */
export interface UploadState {
  /** Bytes. */
  size: number;
}

/** Refuses a body without a length, where the registry wants one. */
export function refuseStream(
  { method, headers }: Request,
  quirks: Pick<Quirks, "refuseStream" | "refuseChunkedPut" | "breakChunkedPut">,
): Response | undefined {
  if (
    quirks.breakChunkedPut && method === "PUT" && !headers.has("content-length")
  ) throw new Error("broken on demand");
  const status = method === "PATCH"
    ? quirks.refuseStream
    : quirks.refuseChunkedPut;
  if (!status || headers.has("content-length")) return undefined;
  return refusal(status, "UNSUPPORTED");
}

/** Refuses a chunk that does not begin where its upload ends. */
export function refuseMisplaced(
  { method, headers }: Request,
  { size }: UploadState,
  quirks: Pick<Quirks, "appendsAnyChunk" | "ignoresPutRange">,
): Response | undefined {
  const range = headers.get("content-range");
  const isIgnored = method === "PATCH"
    ? quirks.appendsAnyChunk
    : quirks.ignoresPutRange;
  if (range === null || isIgnored) return undefined;
  const [, from, to] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  const length = headers.get("content-length");
  const fits = length === null ||
    Number(length) === Number(to) - Number(from) + 1;
  return fits && Number(from) === size
    ? undefined
    : refusal(416, "RANGE_INVALID");
}

/** Refuses a `Location` from before the last chunk, where locations count. */
export function refuseStale(
  { method }: Request,
  url: URL,
  { size }: UploadState,
  { countedLocation }: Pick<Quirks, "countedLocation">,
): Response | undefined {
  const isCurrent = url.searchParams.get("_count") === String(size);
  if (!countedLocation || isCurrent) return undefined;
  if (countedLocation === 404) return refusal(404, "BLOB_UPLOAD_INVALID");
  return method === "PATCH" || method === "PUT"
    ? refusal(416, "RANGE_INVALID")
    : undefined;
}
