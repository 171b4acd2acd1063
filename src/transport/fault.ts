/**
 * What `fetch` and undici throw, turned into hangar's errors. Failed requests
 * carry no code there, only text, so this is the one file that reads text; what
 * it does not know is a temporary network fault.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

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
const BLOCKED_PORT = /bad port|blocked port|port is blocked/i;

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
  const what = `${method} ${redactUrl(url)}`;
  const text = textOf(error);
  if (BLOCKED_PORT.test(text)) {
    return new HangarError(
      "network",
      `${what}: port ${url.port} is one that web clients refuse`,
      {
        cause: error,
        hint: "serve the registry on another port",
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
        temporary,
        hint:
          "for plain HTTP write http:// before the registry or use --tls-verify=false",
      },
    );
  }
  if (REFUSED.test(text)) {
    return new HangarError("network", `${what}: connection refused`, {
      cause: error,
      temporary: true,
    });
  }
  if (UNKNOWN_HOST.test(text)) {
    return new HangarError(
      "network",
      `${what}: host ${url.hostname} not found`,
      {
        cause: error,
        temporary: true,
      },
    );
  }
  return new HangarError("network", `${what}: ${shortCause(text)}`, {
    cause: error,
    temporary: true,
  });
}

function shortCause(text: string): string {
  const last = text.split(": ").filter((part) => !part.includes("http"));
  return last.slice(-2).join(": ") || "connection failed";
}

/**
 * A URL for logs and errors: without userinfo, and with the values of its
 * query hidden, since upload states and CDN signatures are secrets.
 */
export function redactUrl(url: URL): string {
  const shown = new Set([
    "n",
    "last",
    "mount",
    "from",
    "digest",
    "scope",
    "service",
  ]);
  const query = [...url.searchParams].map(([key, value]) =>
    `${key}=${shown.has(key) ? value : "…"}`
  ).join("&");
  return `${url.protocol}//${url.host}${url.pathname}${query && `?${query}`}`;
}

/**
 * A response's body with its faults turned into hangar's errors.
 */
export function bodyOf(
  response: Response,
  method: string,
  url: URL,
  signal?: AbortSignal,
): ReadableStream<Uint8Array> {
  if (!response.body) return new Blob([]).stream();
  const reader = response.body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        throw faultOf(error, method, url, signal);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/**
 * A response's body, whole.
 *
 * @throws {HangarError} `too-large` past `limit` bytes
 */
export async function readBounded(
  response: Response,
  limit: number,
  method: string,
  url: URL,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(response, method, url, signal)) {
    size += chunk.byteLength;
    if (size > limit) {
      throw new HangarError(
        "too-large",
        `${method} ${redactUrl(url)}: the answer is larger than ${limit} bytes`,
      );
    }
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
