/**
 * The base transport: `fetch`, with the TLS settings of each host.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { faultOf } from "./fault.ts";
import { redactUrl } from "./redact_url.ts";
import { type Proxy, proxyAuthorization } from "./proxy/proxies.ts";
import { PROXY_VARIABLES } from "./proxy/proxy_variables.ts";
import { tellRateLimit } from "./rate_limit.ts";
import { StallWatch } from "./stall_watch.ts";
import { bodyStream, type BodyTaker } from "./body_stream.ts";
import {
  isStreamed,
  type RequestObserver,
  type Transport,
  type TransportRequest,
} from "./transport.ts";
import { withoutVariables } from "./proxy/without_variables.ts";

/**
 * Sends a request as the global `fetch` does. `init.redirect` is `manual`:
 * the caller follows redirects itself.
 */
export type FetchFunction = (url: URL, init: RequestInit) => Promise<Response>;

/** The certificates of one host, in PEM. */
export interface HostCertificates {
  /** CAs to trust, besides the usual ones. */
  readonly ca: readonly string[];
  /** The client certificate. */
  readonly client?: { readonly certificate: string; readonly key: string };
}

/** Options of a {@linkcode HostClients}. */
export interface HostClientsOptions {
  readonly certificates?: (host: string) => Promise<HostCertificates>;
  /** CAs (PEM) that the system trusts beside those that come with Deno. */
  readonly systemCertificates?: () => Promise<readonly string[]>;
  /**
   * Whether certificates are checked.
   *
   * @default {true}
   */
  readonly verifyCertificates?: boolean;
  /**
   * Sends every request. Certificates and proxies are its own business then.
   *
   * @default {clients of Deno's}
   */
  readonly fetch?: FetchFunction;
  /** Sent as `User-Agent`. */
  readonly userAgent: string;
  /** The proxy for a URL. @default {none} */
  readonly proxyFor?: (url: URL) => Proxy | undefined;
  readonly observer?: RequestObserver;
  /**
   * How long an answer to a read may take, in ms; one to a write, which may
   * make a registry move and hash content, ten times as long.
   *
   * @default {60_000}
   */
  readonly stallTimeoutMs?: number;
}

/** The status by which a proxy asks for credentials (RFC 9110, 15.5.8). */
const PROXY_WANTS_CREDENTIALS = 407;

/** How many stall timeouts a write may take to be answered. */
const WRITE_PATIENCE = 10;

/** The headers of a request, names in lower case. */
type HeaderRecord = Readonly<Record<string, string>>;

type Fetch = (
  request: TransportRequest,
  headers: HeaderRecord,
) => Promise<Response>;

/**
 * One HTTP client per set of TLS settings, made on first use and kept to the
 * end of the run, so that connections are reused by all workers.
 */
export class HostClients implements AsyncDisposable {
  readonly #options: HostClientsOptions;
  readonly #perHost = new Map<string, Promise<Fetch>>();
  readonly #closers: (() => void | Promise<void>)[] = [];
  readonly #shared = new Map<string, Promise<Fetch>>();

  constructor(options: HostClientsOptions) {
    this.#options = options;
  }

  /** The base transport; it follows no redirect and adds no credentials. */
  readonly send: Transport = async (request) => {
    const { method, url, signal } = request;
    signal?.throwIfAborted();
    // `fetch` asks for gzip by itself and inflates what comes, which breaks
    // digests, sizes and ranges.
    const headers = {
      "accept-encoding": "identity",
      "user-agent": this.#options.userAgent,
      ...request.headers,
    };
    const { observer } = this.#options;
    const started = performance.now();
    observer?.onRequest?.(method, url);
    const patience = new Patience(request, this.#options.stallTimeoutMs);
    const proxy = this.#options.fetch
      ? undefined
      : this.#options.proxyFor?.(url);
    try {
      const fetch = await this.#fetchFor(url, proxy);
      const response = await fetch(
        { ...request, signal: patience.signal },
        headers,
      );
      if (proxy && response.status === PROXY_WANTS_CREDENTIALS) {
        await response.body?.cancel();
        throw new HangarError(
          "network",
          `${method} ${redactUrl(url)}: 407, the proxy wants credentials`,
          { hint: "write http://USER:PASSWORD@HOST:PORT in HTTP_PROXY" },
        );
      }
      tellRateLimit(url.host, response.headers, observer);
      observer?.onResponse?.(
        method,
        url,
        response.status,
        performance.now() - started,
      );
      return response;
    } catch (error) {
      const fault = faultOf(error, method, url, patience.signal);
      throw proxy ? throughProxy(fault, proxy) : fault;
    } finally {
      patience.end();
    }
  };

  #fetchFor(url: URL, proxy: Proxy | undefined): Promise<Fetch> {
    const { fetch } = this.#options;
    if (fetch) {
      return Promise.resolve((request, headers) =>
        fetch(request.url, initOf(request, headers, "keeps"))
      );
    }
    const { origin } = url;
    const known = this.#perHost.get(origin);
    if (known) return known;
    if (proxy) this.#options.observer?.onProxy?.(url.host, proxy.url);
    const made = this.#make(url, proxy);
    this.#perHost.set(origin, made);
    made.catch(() => this.#perHost.delete(origin));
    return made;
  }

  async #make(
    { host, protocol }: URL,
    proxy: Proxy | undefined,
  ): Promise<Fetch> {
    const own = protocol === "https:"
      ? await this.#options.certificates?.(host)
      : undefined;
    const isPlain = !own || own.ca.length === 0 && !own.client;
    const isUnchecked = this.#options.verifyCertificates === false &&
      protocol === "https:";
    const make = isUnchecked
      ? () => this.#makeUnchecked(own, proxy)
      : () => this.#makeFetch(own, host, protocol === "https:", proxy);
    if (!isPlain) return await make();
    // Hosts without certificates of their own share a client for each protocol,
    // with and without proxy.
    const key = `${protocol} ${proxy?.url}`;
    let shared = this.#shared.get(key);
    if (!shared) {
      shared = make();
      this.#shared.set(key, shared);
      shared.catch(() => this.#shared.delete(key));
    }
    return await shared;
  }

  async #makeFetch(
    own: HostCertificates | undefined,
    host: string,
    isTls: boolean,
    proxy: Proxy | undefined,
  ): Promise<Fetch> {
    const system = isTls || proxy?.url.startsWith("https:")
      ? await this.#options.systemCertificates?.() ?? []
      : [];
    const settings = {
      caCerts: [...system, ...own?.ca ?? []],
      ...(own?.client &&
        { cert: own.client.certificate, key: own.client.key }),
      ...(proxy && {
        proxy: {
          url: proxy.url,
          basicAuth: isTls ? proxy.credentials : undefined,
        },
      }),
    };
    let client: Deno.HttpClient;
    try {
      // A client reads the variables when it is made, and would proxy loopback.
      client = withoutVariables(
        PROXY_VARIABLES,
        () => Deno.createHttpClient(settings),
      );
    } catch (cause) {
      throw new HangarError(
        "tls",
        `a certificate or key in certs.d for ${host} cannot be used: ${
          cause instanceof Error ? cause.message : cause
        }`,
        { cause },
      );
    }
    this.#closers.push(() => client.close());
    // Deno does not send this by itself to a proxy that is reached by TLS.
    const shown = proxy && !isTls ? proxyAuthorization(proxy) : undefined;
    return (request, headers) =>
      fetch(request.url, {
        ...initOf(
          request,
          shown ? { ...headers, "proxy-authorization": shown } : headers,
          "releases",
        ),
        client,
      });
  }

  /** Deno's own client cannot leave certificates unchecked; undici's can. */
  async #makeUnchecked(
    own: HostCertificates | undefined,
    proxy: Proxy | undefined,
  ): Promise<Fetch> {
    const { UncheckedClient } = await import("./unchecked_client.ts");
    const client = new UncheckedClient({
      client: own?.client,
      proxy,
      systemCertificates: await this.#options.systemCertificates?.() ?? [],
    });
    this.#closers.push(() => client.close());
    return async (request, headers) =>
      await client.fetch(request.url, initOf(request, headers, "keeps"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
    this.#perHost.clear();
    this.#shared.clear();
  }
}

function throughProxy(fault: unknown, { url }: Proxy): unknown {
  if (!(fault instanceof HangarError)) return fault;
  return new HangarError(fault.code, `${fault.message} (proxy ${url})`, {
    ...fault,
    cause: fault,
  });
}

/** The wait for the head of an answer, which must end some day. */
class Patience {
  readonly signal?: AbortSignal;
  readonly #watch?: StallWatch;

  constructor(request: TransportRequest, stallTimeoutMs?: number) {
    this.signal = request.signal;
    // The sender of a stream watches it.
    if (isStreamed(request)) return;
    const late = new AbortController();
    const { signal, method, url } = request;
    this.signal = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
    this.#watch = new StallWatch(
      stallTimeoutMs,
      (error) => late.abort(error),
      () => `${method} ${redactUrl(url)}`,
    );
    const isRead = method === "GET" || method === "HEAD";
    this.#watch.wait(isRead ? undefined : WRITE_PATIENCE);
  }

  end(): void {
    this.#watch?.end();
  }
}

function initOf(
  request: TransportRequest,
  headers: HeaderRecord,
  taker: BodyTaker,
) {
  const { body } = request;
  return {
    method: request.method,
    headers,
    body: body === undefined || body instanceof Uint8Array
      ? body as Uint8Array<ArrayBuffer> | undefined
      : bodyStream(body, taker),
    signal: request.signal,
    redirect: "manual" as const,
  };
}
