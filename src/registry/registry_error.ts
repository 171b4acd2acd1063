/**
 * A registry's refusal as an error: method, URL without secrets, status and the
 * registry's own code and message (distribution-spec, "Error Codes").
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { type ErrorCode, HangarError, hideUrls, printable } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import { readerOf } from "../transport/read_body.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { isTemporaryStatus, parseRetryAfter } from "../transport/retry.ts";
import type { TransportRequest } from "../transport/transport.ts";

const MAX_ERROR_BYTES = 64 * 1024;

/** How long a body may take that only explains a status, in ms. */
const ERROR_BODY_MS = 3_000;

/** Codes by which registries say that an upload must be started again. */
const LOST_UPLOAD = ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"];

/**
 * Codes by which a registry refuses for good. They count more than the status:
 * some registries answer 500 with them (distribution 2.8 and 3.0, for a
 * manifest whose layers have `urls`).
 */
const FOR_GOOD = new Set([
  "BLOB_UNKNOWN",
  "DENIED",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_INVALID",
  "MANIFEST_UNKNOWN",
  "MANIFEST_UNVERIFIED",
  "NAME_INVALID",
  "NAME_UNKNOWN",
  "SIZE_INVALID",
  "TAG_INVALID",
  "UNSUPPORTED",
]);

/** How much of a problem's detail is shown, in characters. */
const MAX_DETAIL = 300;

interface RegistryProblem {
  readonly code: string;
  readonly message: string;
  readonly detail: string;
}

/** Whether the body of an error says that the registry refuses for good. */
export function isForGood(body: Uint8Array): boolean {
  return problemsOf(body).some(({ code }) => FOR_GOOD.has(code));
}

/** A problem's detail as text: registries put anything there. */
function detailOf(detail: unknown): string {
  if (detail === null || detail === undefined) return "";
  if (typeof detail === "string") return printable(detail, MAX_DETAIL);
  const isEmpty = typeof detail === "object" &&
    Object.keys(detail).length === 0;
  return isEmpty ? "" : printable(JSON.stringify(detail), MAX_DETAIL);
}

function textOf({ code, message, detail }: RegistryProblem): string {
  const said = [code, message].filter(Boolean).join(": ");
  if (!detail || said.includes(detail)) return said;
  return said ? `${said} (${detail})` : detail;
}

function problemsOf(bytes: Uint8Array): RegistryProblem[] {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return [];
  }
  const errors = isJsonObject(body) ? body["errors"] : undefined;
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 5).flatMap((item: unknown) => {
    if (!isJsonObject(item)) return [];
    const code = typeof item["code"] === "string"
      ? printable(item["code"], 60)
      : "";
    const message = typeof item["message"] === "string"
      ? printable(hideUrls(item["message"]), 200)
      : "";
    const detail = detailOf(item["detail"]);
    return code || message || detail ? [{ code, message, detail }] : [];
  });
}

/**
 * The text of an error page. Servers in front of a registry, such as proxies,
 * answer in HTML or plain text.
 */
function pageTextOf(bytes: Uint8Array, contentType: string): string {
  const text = new TextDecoder().decode(bytes.subarray(0, 4096));
  const page = /html/i.test(contentType)
    ? /<title>([^<]+)<\/title>/i.exec(text)?.[1]
    : /^text\/plain/i.test(contentType)
    ? text.trim().split("\n")[0]
    : undefined;
  // The status is told anyway: "404 page not found", "<title>502 Bad Gateway".
  return printable(hideUrls((page ?? "").replace(/^\s*\d{3}\s+/, "")), 120);
}

function codeOf(status: number): ErrorCode {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "denied";
    case 404:
      return "not-found";
    case 429:
      return "rate-limited";
    default:
      return status >= 400 ? "registry" : "protocol";
  }
}

function hintOf(status: number, url: URL): string | undefined {
  switch (status) {
    case 401:
      return `check the credentials and that the project exists, or: hangar login ${url.host}`;
    case 403:
      return "check that the account may do this, and that the project exists";
    case 429:
      return "the registry's rate limit is reached: try again later, or log in";
    default:
      return undefined;
  }
}

/**
 * The part of the body that arrives in time. The status alone is enough: a body
 * that breaks or is slow must not hide it.
 */
async function explanationOf(
  request: TransportRequest,
  response: Response,
): Promise<Uint8Array> {
  const reader = readerOf(response, request);
  const timer = setTimeout(() => reader.cancel(), ERROR_BODY_MS);
  const pieces: Uint8Array[] = [];
  let left = MAX_ERROR_BYTES;
  try {
    while (left > 0) {
      const piece = await reader.read();
      if (!piece) break;
      pieces.push(piece.subarray(0, left));
      left -= piece.byteLength;
    }
  } catch {
    // The part that came before the break is enough.
  } finally {
    clearTimeout(timer);
    await reader.cancel();
  }
  return concat(pieces);
}

/** The error for a response that refuses a request; reads its body. */
export async function registryError(
  request: TransportRequest,
  response: Response,
): Promise<HangarError> {
  const bytes = await explanationOf(request, response);
  const { status } = response;
  const problems = problemsOf(bytes);
  const said = problems.length > 0
    ? problems.map(textOf).join("; ")
    : pageTextOf(bytes, response.headers.get("content-type") ?? "");
  const codes = problems.map((p) => p.code);
  return new HangarError(
    codeOf(status),
    `${request.method} ${redactUrl(request.url)}: ${status}${
      said && ` ${said}`
    }`,
    {
      status,
      registryCodes: codes,
      temporary: isTemporaryStatus(status) &&
          !(status >= 500 && codes.some((code) => FOR_GOOD.has(code))) ||
        // The upload is further than expected; its status tells how far.
        request.method === "PATCH" && status === 416 ||
        codes.some((code) => LOST_UPLOAD.includes(code)),
      host: request.url.host,
      retryAfter: parseRetryAfter(
        response.headers.get("retry-after"),
        Date.now(),
      ),
      hint: hintOf(status, request.url),
    },
  );
}
