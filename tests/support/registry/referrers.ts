/**
 * The referrers endpoint.
 *
 * @module
 */

import type { Content } from "./content.ts";
import { isDigest } from "./digests.ts";
import type { Quirks } from "./quirks.ts";
import { refusal } from "./refusal.ts";
import type { SeenRequest } from "./request_log.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** Options of {@linkcode answerReferrers}. */
export interface ReferrersOptions {
  readonly quirks: Quirks;
  /** How many referrers a page holds at most. */
  readonly pageSize: number;
}

/** One page of what refers to a digest. */
export function answerReferrers(
  url: URL,
  { repository, reference }: SeenRequest,
  content: Content,
  { quirks, pageSize }: ReferrersOptions,
): Response {
  if (!isDigest(reference)) return refusal(400, "DIGEST_INVALID");
  const wanted = quirks.ignoresArtifactType
    ? null
    : url.searchParams.get("artifactType");
  const all = content.referrersOf(repository, reference).filter(
    ({ artifactType }) => wanted === null || artifactType === wanted,
  );
  const from = Number(url.searchParams.get("from") ?? 0);
  const next = new URLSearchParams({
    ...(wanted !== null && { artifactType: wanted }),
    from: String(from + pageSize),
  });
  return Response.json({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: all.slice(from, from + pageSize),
  }, {
    headers: {
      "content-type": INDEX,
      ...(wanted !== null && { "oci-filters-applied": "artifactType" }),
      ...(all.length > from + pageSize &&
        { link: `<${url.pathname}?${next}>; rel="next"` }),
    },
  });
}
