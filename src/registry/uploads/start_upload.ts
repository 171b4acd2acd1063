/**
 * The request that begins an upload, mounts a blob, or brings a small one at once
 * (distribution-spec, "Pushing blobs").
 *
 * @module
 */

import type { Digest } from "../../oci/digest.ts";
import type { CallOptions } from "../../oci/store.ts";
import { discard, type TransportRequest } from "../../transport/transport.ts";
import type { Connection } from "../connection.ts";
import { registryError } from "../registry_error.ts";
import { locationOf, Upload } from "./upload.ts";

/** The result of a request to start an upload. */
export type StartResult =
  /** The registry has the blob: it was mounted, or taken at once. */
  | { readonly mounted: true }
  | { readonly mounted: false; readonly upload: Upload };

/** Options of {@linkcode startUpload}. */
export interface StartOptions extends CallOptions {
  readonly mount?: Digest;
  readonly from?: string;
  /** The whole content, which the registry may take at once, and its digest. */
  readonly content?: { readonly digest: Digest; readonly bytes: Uint8Array };
  readonly inTransfer?: boolean;
}

/** Opens an upload, or has the blob mounted or taken where that was asked for. */
export async function startUpload(
  connection: Connection,
  repository: string,
  scopes: readonly string[],
  options: StartOptions,
): Promise<StartResult> {
  const { base, send } = await connection.endpoint(options.signal);
  const url = new URL(`/v2/${repository}/blobs/uploads/`, base);
  if (options.mount !== undefined && options.from !== undefined) {
    url.searchParams.set("mount", options.mount);
    url.searchParams.set("from", options.from);
  }
  const { content } = options;
  if (content) url.searchParams.set("digest", content.digest);
  const request: TransportRequest = {
    method: "POST",
    url,
    ...content && {
      headers: { "content-type": "application/octet-stream" },
      body: content.bytes,
      once: true,
    },
    scopes,
    signal: options.signal,
    inTransfer: options.inTransfer,
  };
  const asked = performance.now();
  const response = await send(request);
  const openedInMs = performance.now() - asked;
  const mayBeThere = options.mount !== undefined || content !== undefined;
  if (response.status === 201 && mayBeThere) {
    await discard(response);
    return { mounted: true };
  }
  if (response.status !== 202) throw await registryError(request, response);
  await discard(response);
  const minChunk = Number(response.headers.get("oci-chunk-min-length") ?? 0);
  return {
    mounted: false,
    upload: new Upload(
      connection,
      scopes,
      locationOf(request, response),
      {
        minChunk: Number.isSafeInteger(minChunk) && minChunk > 0 ? minChunk : 0,
        openedInMs,
      },
    ),
  };
}
