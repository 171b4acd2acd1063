/**
 * Log lines for events on the network.
 *
 * @module
 */

import { counted } from "../../counted.ts";
import { describeError } from "../../errors.ts";
import { formatDuration } from "../../report/format.ts";
import { redactUrl } from "../../transport/redact_url.ts";
import { isTemporaryStatus } from "../../transport/retry.ts";
import type { RateLimit, RequestObserver } from "../../transport/transport.ts";

/** Takes the events on the network. */
export interface NetworkLog {
  /** A request goes out to `host[:port]`. */
  request?(host: string): void;
  /** A host answers, and not with a temporary fault. */
  answered?(host: string): void;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  /** A retry, of a host if that is known; without this method it is a warning. */
  retry?(message: string, host?: string): void;
}

/** A request, as the text of its fault begins with it; and its host. */
const OTHER_REQUEST = /^[A-Z]+ https?:\/\/([^\s/]+)\S*: /;

/** Below this share of a rate limit the user is warned. */
const LOW_SHARE = 0.1;

/**
 * An observer of requests that writes to a log.
 *
 * @param debug whether every request is logged
 */
export function observe(debug: boolean, log: NetworkLog): RequestObserver {
  const told = new Set<string>();
  const once = (key: string, tell: () => void) => {
    if (told.has(key)) return;
    told.add(key);
    tell();
  };
  return {
    onRequest: log.request && ((_method, url) => log.request?.(url.host)),
    onRateLimit: (host, rate) => {
      const allowed = rateText(host, rate);
      const isLow = rate.remaining <= rate.limit * LOW_SHARE;
      if (isLow) once(`low ${host}`, () => log.warn(allowed));
      else once(host, () => log.info(allowed));
    },
    onCredentials: (host, origin) =>
      once(`${host} ${origin}`, () =>
        log.debug(
          origin === undefined
            ? `there are no credentials for ${host}`
            : `credentials for ${host} are from ${origin}`,
        )),
    onPaceCut: (host, limit) =>
      log.debug(
        `${host} refused a request, or did not answer: ${
          counted(limit, "request")
        } at once from now on`,
      ),
    onDigestTrial: (host, isRefused) =>
      isRefused
        ? log.debug(
          `${host} refuses content with a wrong digest: it checks the blobs that it is sent`,
        )
        : log.warn(
          `${host} stored content with a wrong digest: it does not check what it is sent, hangar does`,
        ),
    onProxy: (host, proxyUrl) =>
      log.debug(`${host} is reached through the proxy ${proxyUrl}`),
    onResponse: (method, url, status, ms) => {
      if (!isTemporaryStatus(status)) log.answered?.(url.host);
      if (!debug) return;
      log.debug(
        `${method} ${redactUrl(url)} ${status} (${ms.toFixed(0)} ms)`,
      );
    },
    onRetry: (what, delayMs, reason, host) => {
      const message = retryText(what, delayMs, reason);
      if (log.retry) log.retry(message, host);
      else log.warn(message);
    },
  };
}

function rateText(
  host: string,
  { limit, remaining, windowS }: RateLimit,
): string {
  const window = windowS === undefined
    ? ""
    : ` in ${formatDuration(windowS * 1000)}`;
  return `${host} allows ${
    counted(limit, "pull")
  }${window}, ${remaining} of them are left`;
}

function retryText(
  what: string | undefined,
  delayMs: number,
  reason: unknown,
): string {
  const seconds = (delayMs / 1000).toFixed(1);
  const why = typeof reason === "number" ? `${reason}` : describeError(reason);
  if (what === undefined || why.includes(what)) {
    return `${why}; next attempt in ${seconds} s`;
  }
  // After a redirect the fault is another host's: one URL a line is enough.
  const short = why.replace(OTHER_REQUEST, "$1: ");
  return `${what}: ${short}; next attempt in ${seconds} s`;
}
