/**
 * Tag listings, page by page (distribution-spec, "Listing Tags").
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { readBounded, redactUrl } from "../transport/fault.ts";
import type { TransportRequest } from "../transport/transport.ts";
import type { Connection } from "./connection.ts";
import { registryError } from "./registry_error.ts";

/** A page of a thousand tags at 128 characters stays far below this. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const PAGE_SIZE = 1000;

/** Options of {@linkcode listTags}. */
export interface ListTagsOptions {
  readonly scopes: readonly string[];
  /** Pages to read at most: a registry may name a next page for ever. */
  readonly maxPages: number;
  readonly signal?: AbortSignal;
}

/**
 * The pages of a repository's tags.
 *
 * @throws {HangarError} `not-found` for an unknown repository, `too-large`
 * when there are more than `maxPages`
 */
export async function* listTags(
  connection: Connection,
  repository: string,
  options: ListTagsOptions,
): AsyncGenerator<readonly string[]> {
  const { scopes, maxPages, signal } = options;
  const { base, send, stallTimeoutMs } = await connection.endpoint(signal);
  let url: URL | undefined = new URL(
    `/v2/${repository}/tags/list?n=${PAGE_SIZE}`,
    base,
  );
  for (let page = 0; url; page++) {
    if (page >= maxPages) {
      throw new HangarError(
        "too-large",
        `GET ${redactUrl(url)}: more than ${maxPages} pages of tags`,
      );
    }
    const request: TransportRequest = {
      method: "GET",
      url,
      scopes,
      signal,
      stallTimeoutMs,
      wholeBody: MAX_PAGE_BYTES,
    };
    const response = await send(request);
    if (response.status !== 200) throw await registryError(request, response);
    const link = response.headers.get("link");
    const bytes = await readBounded(
      response,
      MAX_PAGE_BYTES,
      request,
    );
    yield parseTags(bytes, url);
    url = nextPage(link, url);
  }
}

function parseTags(bytes: Uint8Array, url: URL): string[] {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    body = undefined;
  }
  const tags = typeof body === "object" && body !== null && "tags" in body
    // A repository without tags is listed as null by some registries.
    ? body.tags ?? []
    : undefined;
  if (
    !Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")
  ) {
    throw new HangarError(
      "protocol",
      `GET ${redactUrl(url)}: the answer is no list of tags`,
    );
  }
  return tags;
}

/** `Link: <…>; rel="next"` (RFC 8288); never to another origin. */
export function nextPage(link: string | null, from: URL): URL | undefined {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link ?? "")?.[1];
  if (target === undefined) return undefined;
  const next = URL.canParse(target, from) ? new URL(target, from) : undefined;
  if (next?.origin === from.origin) return next;
  throw new HangarError(
    "protocol",
    `GET ${redactUrl(from)}: the next page is said to be at another place`,
  );
}
