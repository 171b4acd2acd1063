/**
 * How blobs are sent: whole, streamed, or in sized chunks, and on from where it
 * broke.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Descriptor } from "../oci/manifest.ts";
import type { Attempts, CallOptions, UploadSource } from "../oci/store.ts";
import { StallWatch } from "../transport/stall_watch.ts";
import { discard, type TransportRequest } from "../transport/transport.ts";
import type { Connection } from "./connection.ts";
import { allOf } from "../together.ts";
import { registryError } from "./registry_error.ts";
import { locationOf, StreamRefused, Upload } from "./upload.ts";

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
        this.#connection,
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
    const { blob } = target;
    const { signal, attempts } = options;
    let upload = options.upload;
    let offset = 0;
    let renewed = false;
    while (true) {
      try {
        if (this.#isWhole(blob)) {
          // Both round trips at once: nothing of the blob goes out before.
          const reading = readWholeBlob(source, blob, signal);
          const opening = upload ?? this.#open(target, signal)
            .then((opened) => upload = opened);
          const [opened, bytes] = await allOf([opening, reading]);
          await opened.finish(blob, bytes, signal);
          return;
        }
        upload ??= await this.#open(target, signal);
        await this.#send(upload, blob, source, offset, signal);
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
        const reached = await upload?.reached(blob, signal);
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

  #isWhole({ size }: Descriptor): boolean {
    return this.#chunkBytes === undefined && size <= WHOLE_BYTES;
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
    blob: Descriptor,
    source: UploadSource,
    offset: number,
    signal?: AbortSignal,
  ): Promise<void> {
    // All of it arrived, and only the answer was lost.
    if (offset === blob.size && offset > 0) {
      return await upload.finish(blob, undefined, signal);
    }
    const reader = await source.openAt(offset, signal);
    try {
      if (this.#chunkBytes !== undefined) {
        await this.#sendChunks(upload, blob, reader, offset, signal);
      } else {
        await this.#sendStream(upload, reader, signal);
        await upload.finish(blob, undefined, signal);
      }
    } finally {
      await reader.cancel();
    }
  }

  async #sendStream(
    upload: Upload,
    reader: ByteReader,
    signal?: AbortSignal,
  ): Promise<void> {
    const { stallTimeoutMs } = await this.#connection.endpoint(signal);
    const stalled = new AbortController();
    const watch = new StallWatch(
      stallTimeoutMs,
      (error) => stalled.abort(error),
      () => `PATCH ${upload.name}`,
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
      await upload.patch(body, {
        signal: signal
          ? AbortSignal.any([signal, stalled.signal])
          : stalled.signal,
      });
    } finally {
      watch.end();
    }
  }

  async #sendChunks(
    upload: Upload,
    blob: Descriptor,
    reader: ByteReader,
    from: number,
    signal?: AbortSignal,
  ): Promise<void> {
    if (upload.minChunk > LARGEST_MIN_CHUNK_BYTES) {
      throw new HangarError(
        "protocol",
        `${upload.name}: the registry wants chunks of ${upload.minChunk} bytes, at most ${LARGEST_MIN_CHUNK_BYTES} are sent`,
      );
    }
    const size = Math.max(this.#chunkBytes!, upload.minChunk);
    let offset = from;
    let rest: Uint8Array | undefined;
    while (offset < blob.size || blob.size === 0) {
      const chunk = await readUpTo(reader, size, rest);
      rest = chunk.rest;
      if (chunk.bytes.byteLength === 0) break;
      const last = offset + chunk.bytes.byteLength - 1;
      await upload.patch(chunk.bytes, {
        headers: { "content-range": `${offset}-${last}` },
        signal,
      });
      offset += chunk.bytes.byteLength;
    }
    // The checking source ends in an error when it is short or long.
    await readUpTo(reader, 1, rest);
    await upload.finish(blob, undefined, signal);
  }
}

async function readWholeBlob(
  source: UploadSource,
  blob: Descriptor,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const reader = await source.openAt(0, signal);
  try {
    return (await readUpTo(reader, blob.size + 1)).bytes;
  } finally {
    await reader.cancel();
  }
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
