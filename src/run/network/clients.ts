/**
 * The HTTP clients of a run, with what all requests share: slots and retries.
 *
 * @module
 */

import { isForGood } from "../../registry/registry_error.ts";
import { readWholeBodies } from "../../transport/read_body.ts";
import {
  type FetchFunction,
  type HostCertificates,
  HostClients,
} from "../../transport/host_client.ts";
import type { Proxy } from "../../transport/proxy/proxies.ts";
import { followRedirects } from "../../transport/redirect.ts";
import { RequestGate } from "../../transport/request_gate.ts";
import { Retrier, type RetrierOptions } from "../../transport/retry.ts";
import {
  compose,
  type RequestObserver,
  type Transport,
} from "../../transport/transport.ts";
import { VERSION } from "../../version.ts";

/** How hosts are reached. */
export interface ClientsOptions {
  /**
   * `true` requires HTTPS and valid certificates, `false` neither.
   *
   * @default {valid HTTPS, but plain HTTP on loopback}
   */
  readonly tlsVerify?: boolean;
  /** The most requests under way at one host. */
  readonly maxPerHost: number;
  /** The same for one registry, where that is said. */
  readonly maxAt?: (host: string) => number | undefined;
  /** @default {hangar's own} */
  readonly userAgent?: string;
  readonly certificates: (host: string) => Promise<HostCertificates>;
  /** CAs (PEM) that the system trusts. */
  readonly systemCertificates: () => Promise<readonly string[]>;
  readonly proxyFor: (url: URL) => Proxy | undefined;
  /**
   * Sends every request. It must then take care of certificates and proxies
   * itself.
   */
  readonly fetch?: FetchFunction;
  readonly observer?: RequestObserver;
  readonly retry?: RetrierOptions;
  /** A transfer is given up after this time without a byte, in ms. */
  readonly stallTimeoutMs?: number;
}

/** Sends requests to any host. */
export interface Clients {
  /** The client alone: no redirect is followed, and nothing tried again. */
  readonly send: Transport;
  /** Follows redirects and tries again, without credentials. */
  readonly plain: Transport;
}

/** The clients of a run. */
export class RunClients implements AsyncDisposable {
  readonly gate: RequestGate;
  readonly retrier: Retrier;
  /** Checks certificates as the options of the run say. */
  readonly usual: Clients;
  /** For registries that registries.conf calls insecure. */
  readonly insecure: Clients;
  readonly #hosts: readonly HostClients[];

  constructor(options: ClientsOptions) {
    this.gate = new RequestGate({
      maxPerHost: options.maxPerHost,
      maxAt: options.maxAt,
      observer: options.observer,
    });
    this.retrier = new Retrier({
      observer: options.observer,
      isForGood,
      ...options.retry,
    });
    const make = (verifyCertificates: boolean) =>
      new HostClients({
        userAgent: options.userAgent ?? `hangar/${VERSION}`,
        verifyCertificates,
        certificates: options.certificates,
        systemCertificates: options.systemCertificates,
        proxyFor: options.proxyFor,
        fetch: options.fetch,
        stallTimeoutMs: options.stallTimeoutMs,
        observer: options.observer,
      });
    const usual = make(options.tlsVerify !== false);
    const insecure = make(false);
    this.#hosts = [usual, insecure];
    this.usual = this.#clientsOf(usual);
    this.insecure = this.#clientsOf(insecure);
  }

  #clientsOf({ send }: HostClients): Clients {
    const { decorate } = this.retrier;
    return {
      send,
      plain: compose(send, followRedirects, readWholeBodies, decorate),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hosts of this.#hosts) await hosts[Symbol.asyncDispose]();
  }
}
