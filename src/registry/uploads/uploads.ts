/**
 * How blobs are sent: whole, streamed, or in sized chunks; continued after a
 * break.
 *
 * @module
 */

import type { Attempts } from "../../attempts.ts";
import { type ByteReader, bytesReader } from "../../bytes.ts";
import { HangarError, isRefusal } from "../../errors.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { CallOptions, UploadSource } from "../../oci/store.ts";
import type { Connection } from "../connection.ts";
import { allOf } from "../../together.ts";
import { readUpTo, readWholeBlob } from "./read_pieces.ts";
import { isUntouched, type Passage, refusesKind } from "./passage.ts";
import { SinglePosts } from "./single_post.ts";
import {
  type StartOptions,
  type StartResult,
  startUpload,
} from "./start_upload.ts";
import { StreamRefused, type Upload } from "./upload.ts";
import { sendBody } from "./upload_body.ts";

/** Blobs up to this size go up whole, in one PUT of known length. */
const WHOLE_BYTES = 512 * 1024;
/** Size of a chunk where the registry refuses a stream and names no minimum. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const SMALLEST_CHUNK_BYTES = 256 * 1024;
/** How long a registry counts as unsteady after it failed an upload, in ms. */
const UNSTEADY_MS = 60_000;
/** How long to wait then for a refusal before a byte goes out, in ms. */
const HESITATE_MS = { least: 20, most: 500 };
/**
 * A chunk is held in memory, so the size that a registry asks for is limited.
 */
const LARGEST_MIN_CHUNK_BYTES = 64 * 1024 * 1024;

/** What is sent, and where to. */
interface UploadTarget {
  readonly repository: string;
  readonly scopes: readonly string[];
  readonly blob: Descriptor;
}

interface WriteOptions extends CallOptions {
  /** An upload that is open already. */
  readonly upload?: Upload;
  /** The attempts of one step. */
  readonly attempts: () => Attempts;
  /** Whether the registry has the blob after all. */
  readonly isThere: () => Promise<boolean>;
}

/** What a write remembers from one passage to the next. */
interface Writing {
  readonly blob: Descriptor;
  readonly source: UploadSource;
  readonly signal?: AbortSignal;
  /** The offset at which the registry continues, in bytes. */
  offset: number;
  /** A small blob, read whole. */
  bytes?: Uint8Array;
  /** The upload that its POST came to. */
  posted?: Upload;
  /**
   * Whether it broke as the stream of a PUT. Small content goes with a length
   * then: some proxies drop requests without one (tinyproxy).
   */
  brokeAsStream?: boolean;
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof HangarError && error.status === 401;
}

/** Sends blobs to one registry, and learns which kind of upload it accepts. */
export class Uploader {
  readonly #connection: Connection;
  // Set once a registry has refused a body without a length.
  #chunkBytes?: number;
  // Set once it has forgotten an upload whose PATCH it had not answered. Then
  // only one whole PUT helps, since a finished blob can be asked for.
  #forgets = false;
  // Cleared once it has refused a PUT with a streamed body.
  #takesStreamedPut = true;
  // A kind of request that has worked once can only fail by chance.
  readonly #worked = { patch: false, put: false };
  readonly #posts = new SinglePosts();
  #unsteadyUntil = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Opens an upload, or mounts the blob where that was asked for. */
  async start(
    repository: string,
    scopes: readonly string[],
    options: StartOptions = {},
  ): Promise<StartResult> {
    return await startUpload(this.#connection, repository, scopes, options);
  }

  /** Sends a blob; see `BlobWriter.writeBlob`. */
  async write(
    target: UploadTarget,
    source: UploadSource,
    options: WriteOptions,
  ): Promise<void> {
    const { blob } = target;
    const { signal } = options;
    const sending = options.attempts();
    const finishing = options.attempts();
    const writing: Writing = { blob, source, signal, offset: 0 };
    let { upload } = options;
    let furthest = 0;
    let renewed = false;
    const renew = async (isKnown: boolean) => {
      writing.posted = undefined;
      if (isKnown) await upload?.cancel();
      upload = undefined;
      writing.offset = 0;
    };
    while (true) {
      const passage: Passage = {
        sent: 0,
        isFinishing: false,
        isStreamedPut: false,
      };
      try {
        if (
          !upload && !writing.bytes &&
          await this.#post(target, writing, options)
        ) {
          return;
        }
        upload ??= writing.posted;
        const opening = upload ?? this.open(target, signal)
          .then((opened) => upload = opened);
        // Both round trips at once: no byte of the blob goes out before both
        // end.
        const reading = this.#isWhole(blob) && !writing.bytes
          ? readWholeBlob(source, blob, signal)
            .then((bytes) => writing.bytes = bytes)
          : undefined;
        const [opened] = await allOf([opening, Promise.resolve(reading)]);
        await this.#pass(opened, writing, passage);
        return;
      } catch (error) {
        const end = async (thrown: unknown): Promise<never> => {
          await upload?.cancel();
          throw thrown;
        };
        if (source.fault) return await end(source.fault.error);
        // Opening an upload has attempts of its own.
        if (!upload) throw error;
        writing.brokeAsStream = passage.isStreamedPut;
        // A registry may have kept what came with the POST, and wait for more.
        if (upload === writing.posted && isRefusal(error)) {
          await renew(true);
          continue;
        }
        if (this.#learns(error, passage)) {
          await renew(true);
          continue;
        }
        // A token may expire while a body is being sent: try once more, with a
        // new token.
        if (isUnauthorized(error) && !renewed) renewed = true;
        else {
          const step = passage.isFinishing ? finishing : sending;
          await step.failed(error, signal).catch(end);
        }
        if (isUntouched(error, passage)) continue;
        if (passage.isFinishing && await isThere(options)) return;
        const reached = await upload.reached(blob, signal);
        if (reached) {
          writing.offset = reached;
          if (reached > furthest) sending.progressed();
          furthest = Math.max(furthest, reached);
          continue;
        }
        const isKnown = reached !== undefined;
        if (!isKnown && !passage.isFinishing) {
          this.#forgets = true;
          // The registry may have finished an upload that it no longer knows.
          if (await isThere(options)) return;
        }
        await renew(isKnown);
      }
    }
  }

  /**
   * Sends a small blob in a single POST, where that may be taken; false where it
   * has yet to be sent. It is tried once: the usual way has attempts.
   */
  async #post(
    { repository, scopes }: UploadTarget,
    writing: Writing,
    options: WriteOptions,
  ): Promise<boolean> {
    const { blob, source, signal } = writing;
    if (!this.#isWhole(blob) || !this.#posts.mayTake(blob)) return false;
    try {
      const result = await this.#posts.send(async () => {
        const bytes = await readWholeBlob(source, blob, signal);
        writing.bytes = bytes;
        const content = { digest: blob.digest, bytes };
        const how = { content, signal, inTransfer: true };
        const started = await this.start(repository, scopes, how);
        return started.mounted
          ? { isStored: true }
          : { isStored: false, upload: started.upload };
      });
      if (result.isStored) source.sent?.(0, blob.size);
      else writing.posted = result.upload;
      return result.isStored;
    } catch (error) {
      if (source.fault) throw error;
      // It may have arrived, and the answer got lost.
      const isTold = error instanceof HangarError && !error.temporary;
      return !isTold && await isThere(options);
    }
  }

  /**
   * Learns from a fault which kind of upload the registry accepts. Then the
   * next attempt is of another kind, and this one does not count.
   */
  #learns(error: unknown, passage: Passage): boolean {
    if (passage.isStreamedPut && refusesKind(error)) {
      this.#takesStreamedPut = false;
      return true;
    }
    if (error instanceof StreamRefused) {
      this.#shrinkChunks(error, passage);
      return true;
    }
    if (error instanceof HangarError && error.temporary) {
      this.#unsteadyUntil = performance.now() + UNSTEADY_MS;
    }
    return false;
  }

  /** Opens an upload; the caller holds a transfer slot. */
  async open(
    target: Pick<UploadTarget, "repository" | "scopes">,
    signal?: AbortSignal,
  ): Promise<Upload> {
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

  #shrinkChunks(refusal: StreamRefused, { chunkBytes }: Passage): void {
    // Another blob was refused meanwhile, so the next size is known already.
    if (chunkBytes !== this.#chunkBytes) return;
    if (this.#chunkBytes === undefined) {
      this.#chunkBytes = CHUNK_BYTES;
      return;
    }
    if (this.#chunkBytes <= SMALLEST_CHUNK_BYTES) throw refusal.cause;
    this.#chunkBytes /= 2;
  }

  /** Sends what is left of the blob, and ends the upload. */
  async #pass(
    upload: Upload,
    writing: Writing,
    passage: Passage,
  ): Promise<void> {
    const { blob, source, signal, offset, bytes } = writing;
    const finish = async (body?: Uint8Array | ByteReader) => {
      passage.isFinishing = true;
      await upload.finish(blob, body, signal);
      this.#worked.put = true;
    };
    // All bytes arrived, and only the answer was lost.
    if (offset === blob.size && offset > 0) return await finish();
    const isUnsteady = performance.now() < this.#unsteadyUntil;
    const mayPut = this.#takesStreamedPut &&
      (bytes
        ? this.#worked.put && !writing.brokeAsStream
        : this.#worked.patch) &&
      (this.#forgets || isUnsteady);
    const isStream = this.#chunkBytes === undefined && (!bytes || mayPut);
    if (bytes && !isStream) {
      const rest = bytes.subarray(offset);
      const sent = finish(rest);
      passage.sent += rest.byteLength;
      source.sent?.(offset, rest.byteLength);
      return await sent;
    }
    const reader = bytes
      ? bytesReader(bytes.subarray(offset))
      : await source.openAt(offset, signal);
    try {
      if (!isStream) {
        return await this.#sendChunks(upload, writing, reader, passage);
      }
      passage.isStreamedPut = mayPut;
      passage.isFinishing = passage.isStreamedPut;
      const { stallTimeoutMs } = await this.#connection.endpoint(signal);
      await sendBody(
        reader,
        {
          name: `${passage.isStreamedPut ? "PUT" : "PATCH"} ${upload.name}`,
          stallTimeoutMs,
          hesitateMs: isUnsteady
            ? Math.min(
              Math.max(upload.openedInMs, HESITATE_MS.least),
              HESITATE_MS.most,
            )
            : 0,
          onSent: (count) => {
            source.sent?.(offset + passage.sent, count);
            passage.sent += count;
          },
          signal,
        },
        (body, signal) =>
          passage.isStreamedPut
            ? upload.finish(blob, body, signal)
            : upload.patch(body, { signal }),
      );
    } finally {
      await reader.cancel();
    }
    if (passage.isStreamedPut) return;
    this.#worked.patch = true;
    await finish();
  }

  async #sendChunks(
    upload: Upload,
    { blob, source, signal, offset: from }: Writing,
    reader: ByteReader,
    passage: Passage,
  ): Promise<void> {
    if (upload.minChunk > LARGEST_MIN_CHUNK_BYTES) {
      throw new HangarError(
        "protocol",
        `${upload.name}: the registry wants chunks of ${upload.minChunk} bytes, at most ${LARGEST_MIN_CHUNK_BYTES} are sent`,
      );
    }
    passage.chunkBytes = this.#chunkBytes;
    const size = Math.max(this.#chunkBytes!, upload.minChunk);
    let offset = from;
    let rest: Uint8Array | undefined;
    while (offset < blob.size || blob.size === 0) {
      const chunk = await readUpTo(reader, size, rest);
      rest = chunk.rest;
      if (chunk.bytes.byteLength === 0) break;
      const last = offset + chunk.bytes.byteLength - 1;
      const patched = upload.patch(chunk.bytes, {
        headers: { "content-range": `${offset}-${last}` },
        signal,
      });
      passage.sent += chunk.bytes.byteLength;
      source.sent?.(offset, chunk.bytes.byteLength);
      await patched;
      offset += chunk.bytes.byteLength;
    }
    // The source checks itself: it fails when it is too short or too long.
    await readUpTo(reader, 1, rest);
    passage.isFinishing = true;
    await upload.finish(blob, undefined, signal);
  }
}

async function isThere({ isThere }: WriteOptions): Promise<boolean> {
  return await isThere().catch(() => false);
}
