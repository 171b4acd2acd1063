/**
 * Blob uploads (distribution-spec, "Pushing blobs"): whole, streamed, or in
 * sized chunks.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type {
  Attempts,
  CallOptions,
  OpenUpload,
  UploadSource,
} from "../oci/store.ts";
import { redactUrl } from "../transport/fault.ts";
import { checkedTarget } from "../transport/redirect.ts";
import { StallWatch } from "../transport/stall_watch.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";
import type { Connection } from "./connection.ts";
import { registryError } from "./registry_error.ts";

/** Blobs up to this size go up whole, in one PUT of known length. */
const WHOLE_BYTES = 512 * 1024;
/** Size of a chunk where the registry refuses a stream and names no minimum. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const SMALLEST_CHUNK_BYTES = 256 * 1024;
/**
 * How many stall timeouts a registry may take to answer when it has all bytes:
 * some move and hash them then.
 */
const ANSWER_PATIENCE = 10;
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

/** What is sent, and where to. */
interface UploadTarget {
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly blob: Descriptor;
}

interface WriteOptions extends CallOptions {
  /** An upload that is open already. */
  readonly upload?: Upload;
  readonly attempts: Attempts;
  /** Whether the registry has the blob after all. */
  readonly isThere: () => Promise<boolean>;
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof HangarError && error.status === 401;
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

  /** Sends a blob; see `BlobWriter.writeBlob`. */
  async write(
    target: UploadTarget,
    source: UploadSource,
    options: WriteOptions,
  ): Promise<void> {
    const { signal, attempts } = options;
    let upload = options.upload;
    let offset = 0;
    let renewed = false;
    while (true) {
      try {
        upload ??= await this.#open(target, signal);
        await this.#send(upload, target, source, offset, signal);
        return;
      } catch (error) {
        const end = async (thrown: unknown): Promise<never> => {
          await upload?.cancel();
          throw thrown;
        };
        if (source.fault) return await end(source.fault.error);
        if (error instanceof StreamRefused) {
          await upload?.cancel();
          upload = undefined;
          offset = 0;
          this.#shrinkChunks(error);
          continue;
        }
        // A token that ran out while a body was on its way: once more, with the
        // next one.
        if (upload && isUnauthorized(error) && !renewed) renewed = true;
        else await attempts.failed(error, signal).catch(end);
        const reached = upload && await this.#reached(upload, target, signal);
        if (reached !== undefined) {
          offset = reached;
          continue;
        }
        // What the registry has forgotten it may have finished.
        if (upload && await options.isThere().catch(() => false)) return;
        await upload?.cancel();
        upload = undefined;
        offset = 0;
      }
    }
  }

  async #open(target: UploadTarget, signal?: AbortSignal): Promise<Upload> {
    const started = await this.start(target.repository, target.scopes, {
      signal,
      inTransfer: true,
    });
    if (!started.mounted) return started.upload;
    throw new Error("nothing was to be mounted");
  }

  /**
   * How far an upload has got, in bytes; undefined where the registry does not
   * know it any more (distribution-spec, "Pushing a blob in chunks").
   */
  async #reached(
    upload: Upload,
    { scopes, blob }: UploadTarget,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const { send } = await this.#connection.endpoint(signal);
    const request: TransportRequest = {
      method: "GET",
      url: upload.location,
      scopes,
      signal,
      inTransfer: true,
    };
    try {
      const response = await send(request);
      await discard(response);
      if (response.status !== 204) return undefined;
      const range = /^(?:bytes=)?0-(\d+)$/.exec(
        response.headers.get("range") ?? "",
      );
      if (response.headers.has("location")) {
        upload.location = locationOf(request, response);
      }
      // "0-0" is what registries say of an empty upload too.
      const reached = Number(range?.[1] ?? 0) + 1;
      return reached > 1 && reached <= blob.size ? reached : undefined;
    } catch {
      signal?.throwIfAborted();
      return undefined;
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
    target: UploadTarget,
    source: UploadSource,
    offset: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const { blob } = target;
    // All of it arrived, and only the answer was lost.
    if (offset === blob.size && offset > 0) {
      return await this.#finish(upload, target, undefined, signal);
    }
    const reader = await source.openAt(offset, signal);
    try {
      if (this.#chunkBytes !== undefined) {
        await this.#sendChunks(upload, target, reader, offset, signal);
      } else if (blob.size <= WHOLE_BYTES) {
        const { bytes } = await readUpTo(reader, blob.size + 1);
        await this.#finish(upload, target, bytes, signal);
      } else {
        await this.#sendStream(upload, target, reader, signal);
        await this.#finish(upload, target, undefined, signal);
      }
    } finally {
      await reader.cancel();
    }
  }

  async #sendStream(
    upload: Upload,
    { scopes }: UploadTarget,
    reader: ByteReader,
    signal?: AbortSignal,
  ): Promise<void> {
    const { stallTimeoutMs } = await this.#connection.endpoint(signal);
    const url = upload.location;
    const stalled = new AbortController();
    const watch = new StallWatch(
      stallTimeoutMs,
      (error) => stalled.abort(error),
      () => `PATCH ${redactUrl(url)}`,
    );
    // The source's own time does not count: it is watched by itself.
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        watch.rest();
        const chunk = await reader.read();
        if (chunk) {
          controller.enqueue(chunk);
          watch.wait();
        } else {
          controller.close();
          watch.wait(ANSWER_PATIENCE);
        }
      },
    }, { highWaterMark: 0 });
    watch.wait();
    try {
      await this.#request(upload, {
        method: "PATCH",
        url,
        headers: { "content-type": "application/octet-stream" },
        body,
        scopes,
        signal: signal
          ? AbortSignal.any([signal, stalled.signal])
          : stalled.signal,
        inTransfer: true,
      });
    } finally {
      watch.end();
    }
  }

  async #sendChunks(
    upload: Upload,
    target: UploadTarget,
    reader: ByteReader,
    from: number,
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
    const { blob, scopes } = target;
    const size = Math.max(this.#chunkBytes!, upload.minChunk);
    let offset = from;
    let rest: Uint8Array | undefined;
    while (offset < blob.size || blob.size === 0) {
      const chunk = await readUpTo(reader, size, rest);
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
    await readUpTo(reader, 1, rest);
    await this.#finish(upload, target, undefined, signal);
  }

  async #finish(
    upload: Upload,
    { scopes, blob }: UploadTarget,
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
  reader: ByteReader,
  size: number,
  rest?: Uint8Array,
): Promise<{ bytes: Uint8Array; rest?: Uint8Array }> {
  const parts: Uint8Array[] = rest ? [rest] : [];
  let length = rest?.byteLength ?? 0;
  while (length < size) {
    const piece = await reader.read();
    if (!piece) break;
    parts.push(piece);
    length += piece.byteLength;
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
