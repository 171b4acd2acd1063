/**
 * The one error type of hangar. Code branches on {@linkcode HangarError.code},
 * {@linkcode HangarError.status} or {@linkcode HangarError.temporary}, never
 * on message text.
 *
 * @module
 */

/** What kind of thing went wrong; a closed set. */
export type ErrorCode =
  /** Wrong flags or flag values, contradicting options. */
  | "usage"
  /** A file of the user's cannot be read, parsed or written. */
  | "file"
  /** The disk is full. */
  | "disk-full"
  /** An archive that is damaged, incomplete, or no archive of images. */
  | "invalid-archive"
  /** A key that cannot be read, or a wrong passphrase. */
  | "key"
  /** A signature that is malformed, or does not say what it should. */
  | "invalid-signature"
  /** The policy does not accept an image. */
  | "rejected"
  /** A credential helper that cannot be run, or fails. */
  | "credentials"
  /** registries.conf forbids the registry. */
  | "blocked"
  /** A reference, tag or digest that the grammar does not allow. */
  | "invalid-reference"
  /** A manifest, index or config that is malformed. */
  | "invalid-manifest"
  /** A manifest of a kind that hangar refuses, such as Docker schema 1. */
  | "unsupported-manifest"
  /** Content whose digest or size is not the announced one. */
  | "content-mismatch"
  /** Something larger than its limit. */
  | "too-large"
  /** An answer that breaks the registry protocol. */
  | "protocol"
  /** The registry answered 404. */
  | "not-found"
  /** The registry answered 401, or there are no credentials to answer it. */
  | "unauthorized"
  /** The registry answered 403. */
  | "denied"
  /** The registry answered 429. */
  | "rate-limited"
  /** Any other error status of a registry. */
  | "registry"
  /** A connection that cannot be made, breaks, or carries nonsense. */
  | "network"
  /** TLS cannot be agreed on, or a certificate is not trusted. */
  | "tls"
  /** The image's `--timeout` is over. */
  | "timeout"
  /** The user interrupted the run. */
  | "interrupted"
  /** Lines of a list, or source and destination, that contradict each other. */
  | "conflict";

/** Options of a {@linkcode HangarError}. */
export interface HangarErrorOptions {
  /** The error underneath. */
  cause?: unknown;
  /** HTTP status that a registry answered with. */
  status?: number;
  /** The registry's own error codes, such as `MANIFEST_UNKNOWN`. */
  registryCodes?: readonly string[];
  /**
   * Whether the same attempt may succeed later.
   *
   * @default {false}
   */
  temporary?: boolean;
  /** How long the registry asks to wait before the next attempt, in ms. */
  retryAfter?: number;
  /** `host[:port]` that the fault is of, where it is one's. */
  host?: string;
  /** What the user can do about it: one clause, no full stop. */
  hint?: string;
  /** The flag, or option of the library, whose value is wrong: `--jobs`, `jobs`. */
  flag?: string;
}

/** An error that says what was tried, on what, and what came of it. */
export class HangarError extends Error {
  /** As for every error class. */
  override name = "HangarError";
  /** What kind of thing went wrong. */
  readonly code: ErrorCode;
  /** HTTP status that a registry answered with. */
  readonly status?: number;
  /** The registry's own error codes. */
  readonly registryCodes: readonly string[];
  /** Whether the same attempt may succeed later. */
  readonly temporary: boolean;
  /** How long the registry asks to wait before the next attempt, in ms. */
  readonly retryAfter?: number;
  /** `host[:port]` that the fault is of. */
  readonly host?: string;
  /** What the user can do about it. */
  readonly hint?: string;
  /** The flag, or option of the library, whose value is wrong: `--jobs`, `jobs`. */
  readonly flag?: string;

  /**
   * Makes an error.
   *
   * @param message what was tried, on what, and what came of it
   */
  constructor(
    code: ErrorCode,
    message: string,
    options: HangarErrorOptions = {},
  ) {
    super(
      message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.status = options.status;
    this.registryCodes = options.registryCodes ?? [];
    this.temporary = options.temporary ?? false;
    this.retryAfter = options.retryAfter;
    this.host = options.host;
    this.hint = options.hint;
    this.flag = options.flag;
  }
}

/**
 * The usage error for a flag's value.
 *
 * @param flag with its dashes
 * @param want what would be right, after "want", or why it is wrong
 */
export function invalidFlag(
  flag: string,
  value: string | number,
  want: string,
  options: Pick<HangarErrorOptions, "cause" | "hint"> = {},
): HangarError {
  return new HangarError(
    "usage",
    `invalid value ${
      JSON.stringify(hideGiven(`${value}`))
    } for ${flag}: ${want}`,
    { ...options, flag },
  );
}

/**
 * The same error with what was being done put before its message. Code,
 * status and the rest stay, so that callers further up still see the class
 * of the fault. Anything that is not a {@linkcode HangarError} is a defect or
 * an abort reason and is passed on as it is.
 */
export function withContext(context: string, error: unknown): unknown {
  if (!(error instanceof HangarError)) return error;
  return new HangarError(error.code, `${context}: ${error.message}`, {
    cause: error,
    status: error.status,
    registryCodes: error.registryCodes,
    temporary: error.temporary,
    retryAfter: error.retryAfter,
    host: error.host,
    hint: error.hint,
    flag: error.flag,
  });
}

/**
 * Whether a registry has refused a request for good: with a 4xx that does not
 * pass, such as 403 or 404.
 */
export function isRefusal(
  error: unknown,
): error is HangarError & { readonly status: number } {
  return error instanceof HangarError && error.status !== undefined &&
    error.status >= 400 && error.status < 500 && !error.temporary;
}

// C0 and C1 controls, line separators, bidi marks and overrides, characters
// without width, lone surrogates, tags: a registry's text must not steer the
// user's terminal, nor hide part of a log line.
const UNPRINTABLE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}\p{Co}\u00ad\u180e\u200b-\u200d\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
const UNPRINTABLE_RUN = new RegExp(`${UNPRINTABLE.source}+`, "gu");

/** Text from outside made safe for one line of log, at most `limit` characters. */
export function printable(text: string, limit = 300): string {
  const line = hideLogins(text).replace(UNPRINTABLE_RUN, " ").trim();
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

/**
 * JSON text with what {@linkcode printable} would take out written as an
 * escape, so that it says the same and steers nothing.
 */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent) ?? "null";
  // The line breaks of the layout are JSON's own.
  return text.replace(
    UNPRINTABLE,
    (found) =>
      found === "\n" ? found : [...Array(found.length).keys()].map(
        (i) => `\\u${found.charCodeAt(i).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}

// The digest of a reference stands behind an "@" too.
const DIGEST_NEXT = /^[a-z0-9]+:[0-9a-f]{8}/;

/**
 * Text that a user or a registry wrote for an address, without what may be secret
 * in it: the user name and the password before its last "@", and its query.
 */
export function hideLogin(text: string): string {
  let at = text.lastIndexOf("@");
  if (at >= 0 && DIGEST_NEXT.test(text.slice(at + 1, at + 40))) {
    at = text.lastIndexOf("@", at - 1);
  }
  if (at < 0) return hideQuery(text);
  const scheme = /^[a-z][a-z0-9+.-]{0,20}:\/\//i.exec(text)?.[0] ?? "";
  return `${scheme}…${hideQuery(text.slice(at))}`;
}

function hideQuery(text: string): string {
  const end = text.search(/[?#]/);
  return end < 0 ? text : `${text.slice(0, end + 1)}…`;
}

/** The same of a value that may be an address, or a path or anything else. */
export function hideGiven(value: string): string {
  const colon = value.indexOf(":");
  return value.includes("://") || colon >= 0 && value.lastIndexOf("@") > colon
    ? hideLogin(value)
    : value;
}

/** The same of every URL in a text, as registries write them. */
export function hideUrls(text: string): string {
  return mapUrls(text, hideLogin);
}

/** The logins alone: the queries of our own messages hide what they must. */
function hideLogins(text: string): string {
  if (!text.includes("@")) return text;
  return mapUrls(text, (url) => {
    const end = url.search(/[?#]/);
    const place = end < 0 ? url : url.slice(0, end);
    return hideLogin(place) + url.slice(place.length);
  });
}

function mapUrls(text: string, change: (url: string) => string): string {
  if (!text.includes("://")) return text;
  return text.split(/([\s"]+)/).map((word) =>
    word.includes("://") ? change(word) : word
  ).join("");
}

// "Is a directory (os error 21): readfile 'x'": what follows is the runtime's.
const SYSTEM_ERROR = /^(.+) \(os error \d+\)/;

function lowerFirst(text: string): string {
  return `${text[0]!.toLowerCase()}${text.slice(1)}`;
}

/** The code of an error, for programs; `internal` is a defect of hangar. */
export function codeOf(error: unknown): ErrorCode | "internal" {
  return error instanceof HangarError ? error.code : "internal";
}

/** One line for the user: the message and, where there is one, the hint. */
export function describeError(error: unknown): string {
  if (error instanceof HangarError) {
    const line = printable(error.message, 1200);
    return error.hint === undefined
      ? line
      : `${line}; ${printable(error.hint, 600)}`;
  }
  if (error instanceof Error) {
    const [, why] = SYSTEM_ERROR.exec(error.message) ?? [];
    if (why !== undefined) return printable(lowerFirst(why), 600);
    return printable(hideUrls(`${error.name}: ${error.message}`), 600);
  }
  return printable(hideUrls(String(error)), 600);
}
