/**
 * What `fetch` and undici throw, turned into hangar's errors. Failed requests
 * carry no code there, only text, so this is the one file that reads text; what
 * it does not know is a temporary network fault.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { HangarError } from "../errors.ts";
import { type ByteReader, bytesReader } from "../bytes.ts";
import { redactUrl } from "./redact_url.ts";
import { StallWatch } from "./stall_watch.ts";
import type { TransportDecorator } from "./transport.ts";

export { redactUrl };

function textOf(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error, i = 0; e instanceof Error && i < 6; i++) {
    const code = "code" in e && typeof e.code === "string" ? ` ${e.code}` : "";
    parts.push(`${e.message}${code}`);
    e = e.cause;
  }
  return parts.join(": ");
}

const CERTIFICATE =
  /certificate|UnknownIssuer|CaUsedAsEndEntity|NotValidForName|SELF_SIGNED|UNABLE_TO_VERIFY/i;
// What a client sees when its TLS hello meets a server of plain HTTP.
const NOT_TLS =
  /corrupt message|InvalidContentType|WRONG_VERSION_NUMBER|packet length too long|EPROTO|tls handshake eof|unexpected eof/i;
const REFUSED = /connection refused|ECONNREFUSED/i;
const UNKNOWN_HOST = /dns error|failed to lookup|ENOTFOUND|EAI_AGAIN/i;
const NO_TUNNEL = /unsuccessful tunnel|Proxy response/i;
const BLOCKED_PORT =
  /bad port|blocked port|port is blocked|requests to port \d+ are blocked/i;
// A defect of the program or of a library, not of the network.
const DEFECT =
  /\bis not (a function|a constructor|iterable|defined)\b|^Cannot (read|set|destructure|access|convert)\b/;

/** Whether the server at the other end seems to speak plain HTTP, not TLS. */
export function isPlainHttpPeer(error: unknown): boolean {
  const text = textOf(error);
  return NOT_TLS.test(text) && !CERTIFICATE.test(text);
}

/**
 * The fault of a request that got no response, or of a body that broke.
 * Aborts are passed on as the reason they were given.
 */
export function faultOf(
  error: unknown,
  method: string,
  url: URL,
  signal?: AbortSignal,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof HangarError) return error;
  // To try it again changes nothing.
  if (isDefect(error)) return error;
  const what = `${method} ${redactUrl(url)}`;
  const text = textOf(error);
  if (BLOCKED_PORT.test(text)) {
    return new HangarError(
      "network",
      `${what}: port ${url.port} is one that web clients refuse`,
      {
        cause: error,
        host: url.host,
        hint: "serve the registry on another port",
      },
    );
  }
  if (NO_TUNNEL.test(text)) {
    return new HangarError(
      "network",
      `${what}: the proxy does not connect to ${url.host}`,
      {
        cause: error,
        host: url.host,
        temporary: true,
        hint:
          "check the proxy's credentials and the ports that it allows, or name the host in NO_PROXY",
      },
    );
  }
  if (CERTIFICATE.test(text)) {
    return new HangarError("tls", `${what}: ${shortCause(text)}`, {
      cause: error,
      hint:
        `put its CA into certs.d/${url.host}/ca.crt, or use --tls-verify=false`,
    });
  }
  if (NOT_TLS.test(text)) {
    // A handshake that just breaks off may be a passing fault.
    const temporary = /eof/i.test(text);
    return new HangarError(
      "tls",
      `${what}: the server does not answer in TLS`,
      {
        cause: error,
        host: url.host,
        temporary,
        hint:
          "for plain HTTP write http:// before the registry or use --tls-verify=false",
      },
    );
  }
  if (REFUSED.test(text)) {
    return new HangarError("network", `${what}: connection refused`, {
      cause: error,
      host: url.host,
      temporary: true,
    });
  }
  if (UNKNOWN_HOST.test(text)) {
    return new HangarError(
      "network",
      `${what}: host ${url.hostname} not found`,
      {
        cause: error,
        host: url.host,
        temporary: true,
      },
    );
  }
  return new HangarError("network", `${what}: ${shortCause(text)}`, {
    cause: error,
    host: url.host,
    temporary: true,
  });
}

function isDefect(error: unknown): boolean {
  for (let e = error, depth = 0; e instanceof Error && depth < 8; depth++) {
    if (e instanceof ReferenceError || DEFECT.test(e.message)) return true;
    e = e.cause;
  }
  return false;
}

function shortCause(text: string): string {
  const last = text.split(": ").filter((part) => !part.includes("http"));
  return last.slice(-2).join(": ") || "connection failed";
}

/** What a body belongs to, and how long it may keep silent. */
export interface BodyOrigin {
  readonly method: string;
  readonly url: URL;
  readonly signal?: AbortSignal;
  /** @default {60_000} */
  readonly stallTimeoutMs?: number;
}

/**
 * Reads a response's body, with its faults turned into hangar's errors. A body
 * of which no byte comes for the stall timeout is given up.
 */
export function readerOf(response: Response, origin: BodyOrigin): ByteReader {
  if (!response.body) return bytesReader(new Uint8Array());
  const length = Number(response.headers.get("content-length") ?? NaN);
  const reader = pieceReader(response.body, length);
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
  };
}

/**
 * How much is asked for at once, in bytes. Reading into large buffers of one's
 * own costs half the CPU of taking what comes, where the body allows it.
 */
const PIECE_BYTES = 512 * 1024;
/** The same where nobody has said how much there is. */
const UNKNOWN_PIECE_BYTES = 64 * 1024;

interface PieceReader {
  read(): Promise<Uint8Array | undefined>;
  cancel(reason?: unknown): Promise<void>;
}

/** @param length of the body, in bytes; NaN where it is not known */
function pieceReader(
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
    // A buffer each time: who takes the piece may keep it.
    read: async () => {
      // One byte more, so that the end is seen.
      const size = left >= 0
        ? Math.min(left + 1, PIECE_BYTES)
        : UNKNOWN_PIECE_BYTES;
      const { done, value } = await byob.read(new Uint8Array(size));
      left -= value?.byteLength ?? 0;
      return done ? undefined : value;
    },
    cancel: (reason) => byob.cancel(reason),
  };
}

function byobReader(
  body: ReadableStream<Uint8Array>,
): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    // No byte stream: a body that something has been put around.
    return undefined;
  }
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

/** The same of a reader. */
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

/** Reads bodies whole where the request says so. */
export const readWholeBodies: TransportDecorator =
  (next) => async (request) => {
    const response = await next(request);
    const { wholeBody } = request;
    if (wholeBody === undefined || !response.ok || !response.body) {
      return response;
    }
    const bytes = await readBounded(response, wholeBody, request);
    return new Response(bytes as Uint8Array<ArrayBuffer>, {
      status: response.status,
      headers: response.headers,
    });
  };
