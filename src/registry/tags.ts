/**
 * Listings of tags (distribution-spec, "Listing Tags") and of repositories
 * (docker's registry API, "Listing Repositories"), page by page.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import { readBounded } from "../transport/read_body.ts";
import { redactUrl } from "../transport/redact_url.ts";
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
export function listTags(
  connection: Connection,
  repository: string,
  options: ListTagsOptions,
): AsyncGenerator<readonly string[]> {
  const listing = { path: `${repository}/tags/list`, key: "tags" } as const;
  return listPages(connection, listing, options);
}

/**
 * The pages of a registry's repositories. Docker Hub and others have no such
 * listing.
 *
 * @throws {HangarError} `not-found` or `unauthorized` where there is none,
 * `too-large` when there are more than `maxPages`
 */
export function listRepositories(
  connection: Connection,
  options: Omit<ListTagsOptions, "scopes">,
): AsyncGenerator<readonly string[]> {
  const listing = { path: "_catalog", key: "repositories" } as const;
  const scopes = ["registry:catalog:*"];
  return listPages(connection, listing, { ...options, scopes });
}

/** What is listed: below `/v2/`, and in the answer. */
interface Listing {
  readonly path: string;
  readonly key: "tags" | "repositories";
}

async function* listPages(
  connection: Connection,
  { path, key }: Listing,
  options: ListTagsOptions,
): AsyncGenerator<readonly string[]> {
  const { scopes, maxPages, signal } = options;
  const { base, send, stallTimeoutMs } = await connection.endpoint(signal);
  let url: URL | undefined = new URL(
    `/v2/${path}?n=${PAGE_SIZE}`,
    base,
  );
  for (let page = 0; url; page++) {
    if (page >= maxPages) {
      throw new HangarError(
        "too-large",
        `GET ${redactUrl(url)}: more than ${maxPages} pages of ${key}`,
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
    yield parseNames(bytes, key, url);
    url = nextPage(link, url);
  }
}

function parseNames(
  bytes: Uint8Array,
  key: Listing["key"],
  url: URL,
): string[] {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    body = undefined;
  }
  const names = isJsonObject(body) && key in body
    // A repository without tags is listed as null by some registries.
    ? body[key] ?? []
    : undefined;
  if (
    !Array.isArray(names) || !names.every((name) => typeof name === "string")
  ) {
    throw new HangarError(
      "protocol",
      `GET ${redactUrl(url)}: the answer is not a list of ${key}`,
    );
  }
  return names;
}

/** The longest part of a header that is read, in characters. */
const MAX_LINK = 16 * 1024;

/**
 * `Link: <…>; rel="next"` (RFC 8288); never to another origin.
 *
 * @throws {HangarError} `protocol`
 */
export function nextPage(link: string | null, from: URL): URL | undefined {
  const refuse = (why: string): never => {
    throw new HangarError("protocol", `GET ${redactUrl(from)}: ${why}`);
  };
  if (link === null) return undefined;
  if (link.length > MAX_LINK) {
    return refuse(`a Link header of ${link.length} characters`);
  }
  const target = nextTarget(link);
  if (target === undefined) return undefined;
  const next = URL.canParse(target, from) ? new URL(target, from) : undefined;
  if (next?.origin !== from.origin) {
    return refuse("the next page is said to be at another place");
  }
  return next;
}

/** Goes through the header once: a pattern would start again at each "<". */
function nextTarget(link: string): string | undefined {
  let at = 0;
  while (true) {
    const open = link.indexOf("<", at);
    const close = open < 0 ? -1 : link.indexOf(">", open);
    if (close < 0) return undefined;
    let end = close + 1;
    for (let quoted = false; end < link.length; end++) {
      if (link[end] === '"') quoted = !quoted;
      else if (link[end] === "," && !quoted) break;
    }
    const relations = link.slice(close + 1, end).split(";").flatMap((part) => {
      const [name = "", value = ""] = part.split("=", 2);
      return name.trim().toLowerCase() === "rel"
        ? value.replaceAll('"', "").trim().toLowerCase().split(" ")
        : [];
    });
    if (relations.includes("next")) return link.slice(open + 1, close);
    at = end;
  }
}
