/**
 * The referrers API (distribution-spec, "Listing Referrers").
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import {
  contentOf,
  type Descriptor,
  MAX_MANIFEST_BYTES,
  MediaType,
} from "../oci/manifest.ts";
import { parseContent } from "../oci/parse_manifest.ts";
import { readBounded } from "../transport/read_body.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";
import type { Connection } from "./connection.ts";
import { registryError } from "./registry_error.ts";
import { nextPage } from "./tags.ts";

/** Limits for one digest: a registry may name a next page for ever. */
const MAX_PAGES = 100;
const MAX_REFERRERS = 10_000;

/** How registries say that they have no such API. */
const NO_API = new Set([404, 405, 501]);

/** Options of {@linkcode listReferrers}. */
export interface ListReferrersOptions {
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * The manifests that refer to a digest, all pages; undefined where the
 * registry has no API for that.
 *
 * @throws {HangarError} `too-large`, or any fault of the registry
 */
export async function listReferrers(
  connection: Connection,
  repository: string,
  digest: Digest,
  options: ListReferrersOptions,
): Promise<Descriptor[] | undefined> {
  const { scopes, signal } = options;
  const { base, send, stallTimeoutMs } = await connection.endpoint(signal);
  const found = new Map<Digest, Descriptor>();
  let url: URL | undefined = new URL(
    `/v2/${repository}/referrers/${digest}`,
    base,
  );
  for (let page = 0; url; page++) {
    if (page >= MAX_PAGES || found.size > MAX_REFERRERS) {
      throw new HangarError(
        "too-large",
        `GET ${
          redactUrl(url)
        }: more than ${MAX_PAGES} pages or ${MAX_REFERRERS} referrers`,
      );
    }
    const request: TransportRequest = {
      method: "GET",
      url,
      scopes,
      signal,
      headers: { accept: MediaType.ociIndex },
      stallTimeoutMs,
      wholeBody: MAX_MANIFEST_BYTES,
    };
    const response = await send(request);
    if (page === 0 && NO_API.has(response.status)) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await registryError(request, response);
    const link = response.headers.get("link");
    const bytes = await readBounded(
      response,
      MAX_MANIFEST_BYTES,
      request,
    );
    for (const entry of entriesOf(bytes, url)) found.set(entry.digest, entry);
    url = nextPage(link, url);
  }
  return [...found.values()];
}

function entriesOf(bytes: Uint8Array, url: URL): readonly Descriptor[] {
  try {
    const list = parseContent(contentOf(bytes, MediaType.ociIndex));
    if (list.kind === "index") return list.entries;
  } catch (cause) {
    throw new HangarError(
      "protocol",
      `GET ${redactUrl(url)}: the answer is not a list of referrers`,
      { cause },
    );
  }
  throw new HangarError(
    "protocol",
    `GET ${redactUrl(url)}: the answer is not a list of referrers`,
  );
}
