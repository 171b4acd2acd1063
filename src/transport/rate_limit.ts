/**
 * How much more may be pulled, as Docker Hub says it.
 *
 * @module
 */

import type { RequestObserver } from "./transport.ts";

/** `100;w=21600`: so many in so many seconds. */
const RATE = /^\s*(\d{1,9})(?:;w=(\d{1,9}))?/;

/** Tells an observer of the `ratelimit-*` headers of an answer. */
export function tellRateLimit(
  host: string,
  headers: Headers,
  observer?: RequestObserver,
): void {
  const limit = RATE.exec(headers.get("ratelimit-limit") ?? "");
  const remaining = RATE.exec(headers.get("ratelimit-remaining") ?? "");
  if (!limit || !remaining) return;
  observer?.onRateLimit?.(host, {
    limit: Number(limit[1]),
    remaining: Number(remaining[1]),
    windowS: limit[2] === undefined ? undefined : Number(limit[2]),
  });
}
