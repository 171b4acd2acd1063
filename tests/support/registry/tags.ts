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
  const last = url.searchParams.get("last") ?? "";
  const size = Math.min(Number(url.searchParams.get("n") ?? 1000), pageSize);
  const all = [...repository.tags.keys()].sort().filter((tag) => tag > last);
  const tags = all.slice(0, size);
  const next = `/v2/${name}/tags/list?n=${size}&last=${tags.at(-1)}`;
  return Response.json({ name, tags }, {
    headers: all.length > size ? { link: `<${next}>; rel="next"` } : {},
  });
}
