/**
 * A client that does not check the certificates of servers. It is made with
 * undici, since Deno's own client always checks them, and is in a file of its
 * own, so that it is loaded only where it is needed.
 *
 * @module
 */

import { rootCertificates } from "node:tls";
import { Agent, fetch, ProxyAgent } from "undici";
import { type Proxy, proxyAuthorization } from "./proxy/proxies.ts";

/** Options of an {@linkcode UncheckedClient}. */
export interface UncheckedClientOptions {
  /** The client certificate, in PEM. */
  readonly client?: { readonly certificate: string; readonly key: string };
  readonly proxy?: Proxy;
  /** More CAs (PEM) than Deno's: the certificate of a proxy is checked. */
  readonly systemCertificates: readonly string[];
}

/** How a request is sent. */
export interface UncheckedInit {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  readonly signal?: AbortSignal;
  readonly redirect: "manual";
}

/** Statuses of answers that have no body (fetch standard, null body status). */
const WITHOUT_BODY = [101, 204, 205, 304];

/** The client. */
export class UncheckedClient {
  readonly #agent: Agent | ProxyAgent;

  constructor(
    { client, proxy, systemCertificates }: UncheckedClientOptions,
  ) {
    const tls = {
      rejectUnauthorized: false,
      ...(client && { cert: client.certificate, key: client.key }),
    };
    const patient = { headersTimeout: 0, bodyTimeout: 0 };
    this.#agent = proxy
      ? new ProxyAgent({
        ...patient,
        uri: proxy.url,
        token: proxyAuthorization(proxy),
        requestTls: tls,
        proxyTls: { ca: [...rootCertificates, ...systemCertificates] },
      })
      : new Agent({ ...patient, connect: tls });
  }

  /** Sends a request. */
  async fetch(url: URL, init: UncheckedInit): Promise<Response> {
    const response = await fetch(url, {
      ...init,
      duplex: "half",
      dispatcher: this.#agent,
    });
    const hasBody = !WITHOUT_BODY.includes(response.status) &&
      init.method !== "HEAD";
    if (!hasBody) await response.body?.cancel();
    // The types differ, the class is the same web standard.
    const body = hasBody
      ? response.body as ReadableStream<Uint8Array> | null
      : null;
    return new Response(body, {
      status: response.status,
      headers: [...response.headers],
    });
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
