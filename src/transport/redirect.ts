/**
 * Redirects, followed by our own code. Registries keep blobs on CDNs, but a
 * redirect must not take credentials to another origin, nor requests to a place
 * that is not allowed.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { checkedTarget } from "./named_url.ts";
import { redactUrl } from "./redact_url.ts";
import {
  discard,
  isStreamed,
  type TransportDecorator,
  type TransportRequest,
} from "./transport.ts";

const MAX_REDIRECTS = 5;
const STATUSES = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects of requests whose body can be sent again, at most five. When
 * the origin changes, the credentials are left out, and challenges of the other
 * origin are not answered.
 */
export const followRedirects: TransportDecorator =
  (next) => async (request) => {
    let current: TransportRequest = request;
    for (let hops = 0;; hops++) {
      const response = await next(current);
      const location = response.headers.get("location");
      if (!STATUSES.has(response.status) || location === null) {
        return current.url.origin === request.url.origin
          ? response
          : withoutChallenge(response);
      }
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
      if (isStreamed(current)) {
        throw new HangarError(
          "protocol",
          `${request.method} ${
            redactUrl(request.url)
          }: the upload was redirected after it began`,
        );
      }
      const url = checkedTarget(location, current.url);
      if (request.ownOrigin && url.origin !== request.url.origin) {
        throw new HangarError(
          "protocol",
          `${request.method} ${redactUrl(request.url)} is redirected to ${
            redactUrl(url)
          }: credentials are not tried at another place`,
        );
      }
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

function withoutChallenge(response: Response): Response {
  if (!response.headers.has("www-authenticate")) return response;
  const headers = new Headers(response.headers);
  headers.delete("www-authenticate");
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
