/**
 * The referrers endpoint.
 *
 * @module
 */

import type { ReferrerEntry } from "./content.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** One page of what refers to a digest, out of all of it. */
export function answerReferrers(
  url: URL,
  all: readonly ReferrerEntry[],
  pageSize: number,
): Response {
  const from = Number(url.searchParams.get("from") ?? 0);
  const next = `${url.pathname}?from=${from + pageSize}`;
  return Response.json({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: all.slice(from, from + pageSize),
  }, {
    headers: {
      "content-type": INDEX,
      ...(all.length > from + pageSize && { link: `<${next}>; rel="next"` }),
    },
  });
}
