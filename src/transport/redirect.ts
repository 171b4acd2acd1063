/**
 * Redirects, followed by hand: registries keep blobs on CDNs, but what a
 * registry sends must not lead credentials or requests astray.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { redactUrl } from "./fault.ts";
import {
  discard,
  type TransportDecorator,
  type TransportRequest,
} from "./transport.ts";

const MAX_REDIRECTS = 5;
const STATUSES = new Set([301, 302, 303, 307, 308]);

/** Whether a host is a link-local address, such as a cloud's metadata server. */
export function isLinkLocal(hostname: string): boolean {
  // The URL parser has turned every way to write an address into one.
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return /^169\.254\./.test(host) || /^fe[89ab][0-9a-f]:/.test(host) ||
    /^::ffff:a9fe:/.test(host) || host === "fd00:ec2::254";
}

/**
 * A URL that a registry named, resolved and checked.
 *
 * @throws {HangarError} `protocol` for other schemes, a step from https to
 * http, or a link-local address
 */
export function checkedTarget(location: string, from: URL): URL {
  const refuse = (why: string): never => {
    throw new HangarError(
      "protocol",
      `${redactUrl(from)} points to ${
        JSON.stringify(location.slice(0, 200))
      }: ${why}`,
    );
  };
  if (!URL.canParse(location, from)) return refuse("not a URL");
  const target = new URL(location, from);
  if (target.protocol !== "https:" && target.protocol !== "http:") {
    return refuse("only http and https are followed");
  }
  if (from.protocol === "https:" && target.protocol === "http:") {
    return refuse(
      "a step from https to http is not followed (a proxy in front of the registry may lack X-Forwarded-Proto)",
    );
  }
  if (isLinkLocal(target.hostname) && target.host !== from.host) {
    return refuse("link-local addresses are not followed");
  }
  target.username = "";
  target.password = "";
  return target;
}

/**
 * Follows redirects of requests whose body can be sent again, at most five,
 * leaving credentials behind as soon as the origin changes.
 */
export const followRedirects: TransportDecorator =
  (next) => async (request) => {
    let current: TransportRequest = request;
    for (let hops = 0;; hops++) {
      const response = await next(current);
      const location = response.headers.get("location");
      if (!STATUSES.has(response.status) || location === null) return response;
      const isRead = current.method === "GET" || current.method === "HEAD";
      // Only 307 and 308 keep method and body (RFC 9110, 15.4).
      if (!isRead && response.status !== 307 && response.status !== 308) {
        return response;
      }
      await discard(response);
      if (hops >= MAX_REDIRECTS) {
        throw new HangarError(
          "protocol",
          `${request.method} ${
            redactUrl(request.url)
          }: more than ${MAX_REDIRECTS} redirects`,
        );
      }
      if (current.body instanceof ReadableStream) {
        throw new HangarError(
          "protocol",
          `${request.method} ${
            redactUrl(request.url)
          }: the upload was redirected after it began`,
        );
      }
      const url = checkedTarget(location, current.url);
      let headers = current.headers;
      if (url.origin !== current.url.origin && headers) {
        headers = Object.fromEntries(
          Object.entries(headers).filter(([name]) =>
            name.toLowerCase() !== "authorization"
          ),
        );
      }
      current = { ...current, url, headers };
    }
  };
