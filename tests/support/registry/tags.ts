/**
 * The tag listing endpoint.
 *
 * @module
 */

import type { Repository } from "./content.ts";
import type { Quirks } from "./quirks.ts";
import { refusal } from "./refusal.ts";

/** Options of {@linkcode answerTags}. */
export interface TagsOptions {
  readonly quirks: Quirks;
  /** How many tags a page holds at most. */
  readonly pageSize: number;
}

/** One page of a repository's tags. */
export function answerTags(
  url: URL,
  name: string,
  repository: Repository | undefined,
  { quirks, pageSize }: TagsOptions,
): Response {
  if (quirks.tagsStatus !== undefined) {
    return refusal(quirks.tagsStatus, "DENIED");
  }
  if (!repository) return refusal(404, "NAME_UNKNOWN");
  const sorted = [...repository.tags.keys()].sort();
  if (quirks.ignoresTagPaging) {
    const tags = sorted.length > 0 ? sorted.reverse() : null;
    return Response.json({ name, tags });
  }
  const wanted = url.searchParams.get("n") ?? "1000";
  if (!/^\d+$/.test(wanted)) return refusal(400, "PAGINATION_NUMBER_INVALID");
  const size = Math.min(Number(wanted), pageSize);
  const last = url.searchParams.get("last") ?? "";
  const left = sorted.filter((tag) => tag > last);
  const tags = left.slice(0, size);
  const next = `/v2/${name}/tags/list?n=${size}&last=${tags.at(-1)}`;
  const hasMore = size > 0 && left.length > size;
  return Response.json({ name, tags }, {
    headers: hasMore ? { link: `<${next}>; rel="next"` } : {},
  });
}

/** One page of the repositories (docker's API, "Listing Repositories"). */
export function answerCatalog(
  url: URL,
  names: readonly string[],
  pageSize: number,
): Response {
  const size = Math.min(Number(url.searchParams.get("n") ?? "100"), pageSize);
  const last = url.searchParams.get("last") ?? "";
  const left = [...names].sort().filter((name) => name > last);
  const repositories = left.slice(0, size);
  const next = `/v2/_catalog?n=${size}&last=${
    encodeURIComponent(repositories.at(-1) ?? "")
  }`;
  return Response.json({ repositories }, {
    headers: left.length > size ? { link: `<${next}>; rel="next"` } : {},
  });
}
