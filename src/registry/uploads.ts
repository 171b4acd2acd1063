/**
 * Blob uploads (distribution-spec, "Pushing blobs"): whole, streamed, or in
 * sized chunks.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { CallOptions, OpenSource, OpenUpload } from "../oci/store.ts";
import { redactUrl } from "../transport/fault.ts";
import { checkedTarget } from "../transport/redirect.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";
import type { Connection } from "./connection.ts";
import { registryError } from "./registry_error.ts";

/** Blobs up to this size go up whole, in one PUT of known length. */
const WHOLE_BYTES = 512 * 1024;
/** Size of a chunk where the registry refuses a stream and names no minimum. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const SMALLEST_CHUNK_BYTES = 256 * 1024;
/** A chunk is held in memory, so a registry may not ask for just any size. */
const LARGEST_MIN_CHUNK_BYTES = 64 * 1024 * 1024;

/** An upload that the registry has opened. */
export class Upload implements OpenUpload {
  /** Where the next request goes. */
  location: URL;
  /** `OCI-Chunk-Min-Length`, in bytes; 0 where the registry names none. */
  readonly minChunk: number;
  readonly #uploader: Uploader;
  readonly #scopes: readonly string[];

  constructor(
    uploader: Uploader,
    scopes: readonly string[],
    location: URL,
    minChunk: number,
  ) {
    this.#uploader = uploader;
    this.#scopes = scopes;
    this.location = location;
    this.minChunk = minChunk;
  }

  /** Tells the registry to forget the upload; a failure to do so is harmless. */
  async cancel(): Promise<void> {
    await this.#uploader.cancel(this.location, this.#scopes);
  }
}

/** What a request to start an upload came to. */
export type StartResult =
  | { readonly mounted: true }
  | { readonly mounted: false; readonly upload: Upload };

interface StartOptions extends CallOptions {
  readonly mount?: Digest;
  readonly from?: string;
  readonly inTransfer?: boolean;
}

/** Thrown inside when a registry wants the length of what it is sent. */
class StreamRefused extends Error {}

/** Sends blobs to one registry, and learns how it wants them. */
export class Uploader {
  readonly #connection: Connection;
  // Set once a registry has refused a body without a length.
  #chunkBytes?: number;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Opens an upload, or mounts the blob where that was asked for. */
  async start(
    repository: string,
    scopes: readonly string[],
    options: StartOptions = {},
  ): Promise<StartResult> {
    const { base, send } = await this.#connection.endpoint(options.signal);
    const url = new URL(`/v2/${repository}/blobs/uploads/`, base);
    if (options.mount !== undefined && options.from !== undefined) {
      url.searchParams.set("mount", options.mount);
      url.searchParams.set("from", options.from);
    }
    const request: TransportRequest = {
      method: "POST",
      url,
      scopes,
      signal: options.signal,
      inTransfer: options.inTransfer,
    };
    const response = await send(request);
    if (response.status === 201 && options.mount !== undefined) {
      await discard(response);
      return { mounted: true };
    }
    if (response.status !== 202) throw await registryError(request, response);
    await discard(response);
    const minChunk = Number(response.headers.get("oci-chunk-min-length") ?? 0);
    return {
      mounted: false,
      upload: new Upload(
        this,
        scopes,
        locationOf(request, response),
        Number.isSafeInteger(minChunk) && minChunk > 0 ? minChunk : 0,
      ),
    };
  }

  /** Sends a blob whole; see `BlobWriter.writeBlob`. */
  async write(
    repository: string,
    scopes: readonly string[],
    blob: Descriptor,
    open: OpenSource,
    options: CallOptions & { readonly upload?: Upload } = {},
  ): Promise<void> {
    let upload = options.upload;
    while (true) {
      try {
        if (!upload) {
          const started = await this.start(repository, scopes, {
            signal: options.signal,
            inTransfer: true,
          });
          // Without `mount` a 201 is no answer that start() accepts.
          if (started.mounted) return;
          upload = started.upload;
        }
        await this.#send(upload, scopes, blob, open, options.signal);
        return;
      } catch (error) {
        await upload?.cancel();
        upload = undefined;
        if (!(error instanceof StreamRefused)) throw error;
        this.#shrinkChunks(error);
      }
    }
  }

  /** Ends an upload without a result. */
  async cancel(location: URL, scopes: readonly string[]): Promise<void> {
    // On its own short leash: the reason to cancel is often an abort.
    const leash = new AbortController();
    const timer = setTimeout(() => leash.abort(), 5_000);
    try {
      const { send } = await this.#connection.endpoint(leash.signal);
      await discard(
        await send({
          method: "DELETE",
          url: location,
          scopes,
          inTransfer: true,
          signal: leash.signal,
        }),
      );
    } catch {
      // Registries clear abandoned uploads by themselves.
    } finally {
      clearTimeout(timer);
    }
  }

  #shrinkChunks(refusal: StreamRefused): void {
    if (this.#chunkBytes === undefined) {
      this.#chunkBytes = CHUNK_BYTES;
      return;
    }
    if (this.#chunkBytes <= SMALLEST_CHUNK_BYTES) throw refusal.cause;
    this.#chunkBytes /= 2;
  }

  async #send(
    upload: Upload,
    scopes: readonly string[],
    blob: Descriptor,
    open: OpenSource,
    signal?: AbortSignal,
  ): Promise<void> {
    // The source's own error, kept apart: a broken source makes the request to
    // the destination fail too, and it is the former that must be told.
    let sourceError: { readonly error: unknown } | undefined;
    const source = await open(signal);
    const reader = source.getReader();
    const read = async () => {
      try {
        return await reader.read();
      } catch (error) {
        sourceError = { error };
        throw error;
      }
    };
    try {
      if (this.#chunkBytes !== undefined) {
        await this.#sendChunks(upload, scopes, blob, read, signal);
      } else if (blob.size <= WHOLE_BYTES) {
        const body = await readUpTo(read, blob.size + 1);
        await this.#finish(upload, scopes, blob, body.bytes, signal);
      } else {
        await this.#sendStream(upload, scopes, read, signal);
        await this.#finish(upload, scopes, blob, undefined, signal);
      }
    } catch (error) {
      throw sourceError ? sourceError.error : error;
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  async #sendStream(
    upload: Upload,
    scopes: readonly string[],
    read: () => Promise<ReadableStreamReadResult<Uint8Array>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    }, { highWaterMark: 0 });
    await this.#request(upload, {
      method: "PATCH",
      url: upload.location,
      headers: { "content-type": "application/octet-stream" },
      body,
      scopes,
      signal,
      inTransfer: true,
    });
  }

  async #sendChunks(
    upload: Upload,
    scopes: readonly string[],
    blob: Descriptor,
    read: () => Promise<ReadableStreamReadResult<Uint8Array>>,
    signal?: AbortSignal,
  ): Promise<void> {
    if (upload.minChunk > LARGEST_MIN_CHUNK_BYTES) {
      throw new HangarError(
        "protocol",
        `${
          redactUrl(upload.location)
        }: the registry wants chunks of ${upload.minChunk} bytes, at most ${LARGEST_MIN_CHUNK_BYTES} are sent`,
      );
    }
    const size = Math.max(this.#chunkBytes!, upload.minChunk);
    let offset = 0;
    let rest: Uint8Array | undefined;
    while (offset < blob.size || blob.size === 0) {
      const chunk = await readUpTo(read, size, rest);
      rest = chunk.rest;
      if (chunk.bytes.byteLength === 0) break;
      await this.#request(upload, {
        method: "PATCH",
        url: upload.location,
        headers: {
          "content-type": "application/octet-stream",
          "content-range": `${offset}-${offset + chunk.bytes.byteLength - 1}`,
        },
        body: chunk.bytes,
        scopes,
        signal,
        inTransfer: true,
      });
      offset += chunk.bytes.byteLength;
    }
    // The checking source ends in an error when it is short or long.
    await readUpTo(read, 1, rest);
    await this.#finish(upload, scopes, blob, undefined, signal);
  }

  async #finish(
    upload: Upload,
    scopes: readonly string[],
    blob: Descriptor,
    body: Uint8Array | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    // By hand: URLSearchParams would write a signed state's query anew.
    const url = new URL(upload.location);
    const digest = `digest=${encodeURIComponent(blob.digest)}`;
    url.search = url.search ? `${url.search}&${digest}` : digest;
    await this.#request(upload, {
      method: "PUT",
      url,
      headers: { "content-type": "application/octet-stream" },
      body,
      scopes,
      signal,
      inTransfer: true,
    });
  }

  /** Sends one request of an upload and moves its location on. */
  async #request(upload: Upload, request: TransportRequest): Promise<void> {
    const { send } = await this.#connection.endpoint(request.signal);
    const response = await send(request);
    if (response.status === 411 || response.status === 413) {
      throw new StreamRefused("refused", {
        cause: await registryError(request, response),
      });
    }
    if (!response.ok) throw await registryError(request, response);
    await discard(response);
    if (request.method === "PATCH") {
      upload.location = locationOf(request, response);
    }
  }
}

function locationOf(request: TransportRequest, response: Response): URL {
  const location = response.headers.get("location");
  if (location !== null) return checkedTarget(location, request.url);
  throw new HangarError(
    "protocol",
    `${request.method} ${
      redactUrl(request.url)
    }: ${response.status} without a Location`,
  );
}

/** Reads until `size` bytes are there or the source ends. */
async function readUpTo(
  read: () => Promise<ReadableStreamReadResult<Uint8Array>>,
  size: number,
  rest?: Uint8Array,
): Promise<{ bytes: Uint8Array; rest?: Uint8Array }> {
  const parts: Uint8Array[] = rest ? [rest] : [];
  let length = rest?.byteLength ?? 0;
  while (length < size) {
    const { done, value } = await read();
    if (done) break;
    parts.push(value);
    length += value.byteLength;
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return length > size
    ? { bytes: whole.subarray(0, size), rest: whole.subarray(size) }
    : { bytes: whole };
}
