/**
 * Reads the bodies of responses: in pieces, or whole up to a limit. A body that
 * brings no byte for too long is given up.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { type ByteReader, bytesReader, free } from "../bytes.ts";
import { HangarError } from "../errors.ts";
import { faultOf } from "./fault.ts";
import { redactUrl } from "./redact_url.ts";
import { StallWatch } from "./stall_watch.ts";
import type { TransportDecorator } from "./transport.ts";

/** The request of a body, and how long the body may bring no byte. */
export interface BodyOrigin {
  readonly method: string;
  readonly url: URL;
  readonly signal?: AbortSignal;
  /** @default {60_000} */
  readonly stallTimeoutMs?: number;
}

/**
 * Reads a response's body, and turns its faults into hangar's errors. A body that
 * brings no byte for the stall timeout is given up.
 */
export function readerOf(response: Response, origin: BodyOrigin): ByteReader {
  const whole = wholeBodies.get(response);
  if (whole || !response.body) return bytesReader(whole ?? new Uint8Array());
  const reader = pieceReader(response.body, lengthOf(response));
  const { method, url, signal } = origin;
  const watch = new StallWatch(origin.stallTimeoutMs, (error) => {
    reader.cancel(error).catch(() => {});
  }, () => `${method} ${redactUrl(url)}`);
  return {
    async read() {
      watch.wait();
      try {
        const piece = await reader.read();
        watch.rest();
        watch.throwIfStalled();
        if (!piece) watch.end();
        return piece;
      } catch (error) {
        watch.end();
        throw faultOf(error, method, url, signal);
      }
    },
    async cancel(reason) {
      watch.end();
      await reader.cancel(reason).catch(() => {});
    },
    release: reader.release,
  };
}

/**
 * How much is asked for at once, in bytes. Reading into large buffers costs half
 * the CPU of reading pieces as they come. Not every body allows it.
 */
const PIECE_BYTES = 512 * 1024;
/** The same where the length of the body is not known. */
const UNKNOWN_PIECE_BYTES = 64 * 1024;

/** Reads the pieces of a body. */
export type PieceReader = Pick<ByteReader, "read" | "cancel" | "release">;

/** The length of a body in bytes; NaN where it is not known. */
export function lengthOf({ headers }: Response): number {
  return Number(headers.get("content-length") ?? NaN);
}

/**
 * Reads a body into buffers that are as large as they need to be: streams of
 * their own accord take 64 KiB for each piece, also for a manifest of 500 bytes.
 *
 * @param length of the body, in bytes; NaN where it is not known
 */
export function pieceReader(
  body: ReadableStream<Uint8Array>,
  length: number,
): PieceReader {
  const byob = byobReader(body);
  if (!byob) {
    const reader = body.getReader();
    return {
      read: async () => (await reader.read()).value,
      cancel: (reason) => reader.cancel(reason),
    };
  }
  let left = length;
  return {
    // A new buffer each time: the caller may keep the piece.
    read: async () => {
      // One byte more, to see the end.
      const size = left >= 0
        ? Math.min(left + 1, PIECE_BYTES)
        : UNKNOWN_PIECE_BYTES;
      const { done, value } = await byob.read(new Uint8Array(size));
      left -= value?.byteLength ?? 0;
      return done ? undefined : value;
    },
    cancel: (reason) => byob.cancel(reason),
    // The stream has filled our own buffer.
    release: free,
  };
}

function byobReader(
  body: ReadableStream<Uint8Array>,
): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    // The body is wrapped in a stream that is no byte stream.
    return undefined;
  }
}

/** The bodies that were read by {@linkcode readWholeBodies}. */
const wholeBodies = new WeakMap<Response, Uint8Array>();

/** Whether the body of a response is in memory. */
export function isReadWhole(response: Response): boolean {
  return wholeBodies.has(response);
}

/**
 * A response's body, whole.
 *
 * @throws {HangarError} `too-large` past `limit` bytes
 */
export async function readBounded(
  response: Response,
  limit: number,
  origin: BodyOrigin,
): Promise<Uint8Array> {
  return await readWhole(
    readerOf(response, origin),
    limit,
    () => `${origin.method} ${redactUrl(origin.url)}`,
  );
}

/**
 * All that a reader gives.
 *
 * @throws {HangarError} `too-large` past `limit` bytes
 */
export async function readWhole(
  reader: ByteReader,
  limit: number,
  what: () => string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (
    let chunk = await reader.read();
    chunk;
    chunk = await reader.read()
  ) {
    size += chunk.byteLength;
    if (size > limit) {
      await reader.cancel();
      throw new HangarError(
        "too-large",
        `${what()}: the answer is larger than ${limit} bytes`,
      );
    }
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0]!;
  return concat(chunks);
}

/** Reads the whole body where `wholeBody` of the request is given. */
export const readWholeBodies: TransportDecorator =
  (next) => async (request) => {
    const response = await next(request);
    const { wholeBody } = request;
    if (wholeBody === undefined || !response.ok || !response.body) {
      return response;
    }
    wholeBodies.set(response, await readBounded(response, wholeBody, request));
    return response;
  };
