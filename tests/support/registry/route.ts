/**
 * Which endpoint of a registry a request is for.
 *
 * @module
 */

import type { RequestKind, SeenRequest } from "./request_log.ts";

const NAME = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*" +
  "(?:\\/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*";
const ROUTE = new RegExp(
  `^/v2/(${NAME})/(manifests|blobs/uploads|blobs|tags|referrers)/([^/]*)$`,
);
const KINDS: Readonly<Record<string, RequestKind>> = {
  "manifests": "manifest",
  "blobs": "blob",
  "blobs/uploads": "upload",
  "tags": "tags",
  "referrers": "referrers",
};

/** A request, by its endpoint. `uploadPath` is the quirk of that name. */
export function routed(
  request: Request,
  url: URL,
  uploadPath?: string,
): SeenRequest {
  const { pathname, search } = url;
  const route = ROUTE.exec(plainPath(pathname, uploadPath));
  return {
    method: request.method,
    path: pathname,
    query: search,
    kind: pathname === "/v2/"
      ? "ping"
      : pathname === "/token"
      ? "token"
      : pathname === "/v2/_catalog"
      ? "catalog"
      : KINDS[route?.[2] ?? ""] ?? "unknown",
    repository: route?.[1] ?? "",
    reference: route?.[3] ?? "",
    authorization: request.headers.get("authorization") ?? undefined,
    range: request.headers.get("range") ?? undefined,
    at: performance.now(),
    status: 0,
    bytesIn: 0,
  };
}

/** A path of uploads as the specification has it. */
function plainPath(pathname: string, uploadPath?: string): string {
  if (uploadPath === undefined || !pathname.startsWith(uploadPath)) {
    return pathname;
  }
  const rest = pathname.slice(uploadPath.length);
  return `/v2/${rest.replace("/uploads/", "/blobs/uploads/")}`;
}
