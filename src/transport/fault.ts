/**
 * What `fetch` and undici throw, as hangar's errors. Their errors have no code,
 * only text, so this is the one file that reads text. A text that it does not
 * know is a temporary network fault.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { redactUrl } from "./redact_url.ts";

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
// What a client gets when it speaks TLS to a server of plain HTTP.
const NOT_TLS =
  /corrupt message|InvalidContentType|WRONG_VERSION_NUMBER|packet length too long|EPROTO|tls handshake eof|unexpected eof/i;
const REFUSED = /connection refused|ECONNREFUSED/i;
const UNKNOWN_HOST = /dns error|failed to lookup|ENOTFOUND|EAI_AGAIN/i;
// A name server that does not answer, in place of one that knows no such name.
const NO_NAME_SERVER = /EAI_AGAIN|temporary failure|try again/i;
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

/** A kind of fault, and what to say of it. */
interface KnownFault {
  /** The text by which it is known. */
  readonly pattern: RegExp;
  readonly code: "network" | "tls";
  readonly message: (url: URL, text: string) => string;
  /** Whether the same request may succeed later. */
  readonly temporary: boolean | ((text: string) => boolean);
  readonly hint?: (url: URL) => string;
}

/** The first match counts: a text may hold the words of several. */
const KNOWN_FAULTS: readonly KnownFault[] = [
  {
    pattern: BLOCKED_PORT,
    code: "network",
    message: ({ port }) => `port ${port} is one that web clients refuse`,
    temporary: false,
    hint: () => "serve the registry on another port",
  },
  {
    pattern: NO_TUNNEL,
    code: "network",
    message: ({ host }) => `the proxy does not connect to ${host}`,
    temporary: true,
    hint: () =>
      "check the proxy's credentials and the ports that it allows, or name the host in NO_PROXY",
  },
  {
    pattern: CERTIFICATE,
    code: "tls",
    message: (_, text) => shortCause(text),
    temporary: false,
    hint: ({ host }) =>
      `put its CA into ~/.config/containers/certs.d/${host}/ca.crt, or use --tls-verify=false`,
  },
  {
    pattern: NOT_TLS,
    code: "tls",
    message: () => "the server does not answer in TLS",
    // A handshake that breaks off may succeed next time.
    temporary: (text) => /eof/i.test(text),
    hint: () =>
      "for plain HTTP write http:// before the registry or use --tls-verify=false",
  },
  {
    pattern: REFUSED,
    code: "network",
    message: () => "connection refused",
    temporary: true,
  },
  {
    pattern: UNKNOWN_HOST,
    code: "network",
    message: ({ hostname }, text) =>
      NO_NAME_SERVER.test(text)
        ? `host ${hostname} not found: no name server answers`
        : `host ${hostname} not found`,
    temporary: (text) => NO_NAME_SERVER.test(text),
    hint: () => "check the name, and this machine's DNS",
  },
];

/** For any other text. */
const UNKNOWN_FAULT: KnownFault = {
  pattern: /(?:)/,
  code: "network",
  message: (_, text) => shortCause(text),
  temporary: true,
};

/**
 * The error for a request without a response, or for a body that broke. After an
 * abort it is the signal's reason.
 */
export function faultOf(
  error: unknown,
  method: string,
  url: URL,
  signal?: AbortSignal,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (error instanceof HangarError) return error;
  // Another attempt would change nothing.
  if (isDefect(error)) return error;
  const text = textOf(error);
  const { code, message, temporary, hint } =
    KNOWN_FAULTS.find(({ pattern }) => pattern.test(text)) ?? UNKNOWN_FAULT;
  return new HangarError(
    code,
    `${method} ${redactUrl(url)}: ${message(url, text)}`,
    {
      cause: error,
      host: url.host,
      temporary: typeof temporary === "boolean" ? temporary : temporary(text),
      hint: hint?.(url),
    },
  );
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
