/**
 * The only place that puts the parts together.
 *
 * @module
 */

import {
  type ImageAddress,
  type RegistryAddress,
  registryOf,
} from "../names/address.ts";
import { Authenticator, type LoginState } from "../auth/authenticator.ts";
import { withBasic } from "../auth/basic.ts";
import type { Credentials } from "../auth/keychain.ts";
import { AttachmentFinder } from "../copy/attachment_finder.ts";
import { ContentLedger } from "../copy/content_ledger.ts";
import { KeyedLock } from "../copy/keyed_lock.ts";
import { Mounts } from "../copy/mounts.ts";
import { HangarError } from "../errors.ts";
import { EndpointChooser } from "../mirror/endpoints.ts";
import type { RunServices } from "../mirror/image_run.ts";
import type { SourceStore } from "../oci/store.ts";
import { apiHostOf } from "../names/docker_hub.ts";
import { Connection, pingRequest } from "../registry/connection.ts";
import { HarborProjects } from "../registry/harbor.ts";
import { Registry } from "../registry/registry.ts";
import { isForGood } from "../registry/registry_error.ts";
import { readWholeBodies } from "../transport/read_body.ts";
import {
  type FetchFunction,
  type HostCertificates,
  HostClients,
} from "../transport/host_client.ts";
import { isLoopback, type Proxy } from "../transport/proxies.ts";
import { followRedirects } from "../transport/redirect.ts";
import { RequestGate } from "../transport/request_gate.ts";
import { Retrier, type RetrierOptions } from "../transport/retry.ts";
import {
  compose,
  type RequestObserver,
  type Transport,
  type TransportRequest,
} from "../transport/transport.ts";
import { VERSION } from "../version.ts";

/** Where credentials come from. */
export interface CredentialSource {
  /**
   * The credentials for a registry; undefined where there are none.
   *
   * @param registryHost `host[:port]`
   * @param repository path within the registry, where it is known
   */
  credentialsFor(
    registryHost: string,
    repository?: string,
  ): Promise<Credentials | undefined>;
  /** Called when the user has just logged in: what is known is out of date. */
  forget?(): void;
}

/** How registries are reached. */
export interface NetworkOptions {
  /**
   * `true` requires HTTPS and valid certificates, `false` neither.
   *
   * @default {valid HTTPS, but plain HTTP on loopback}
   */
  readonly tlsVerify?: boolean;
  /** Requests under way at one host. */
  readonly maxPerHost: number;
  readonly credentials: CredentialSource;
  readonly certificates: (host: string) => Promise<HostCertificates>;
  /** CAs (PEM) that the system trusts. */
  readonly systemCertificates: () => Promise<readonly string[]>;
  readonly proxyFor: (url: URL) => Proxy | undefined;
  /** Sends every request; certificates and proxies are its business then. */
  readonly fetch?: FetchFunction;
  readonly observer?: RequestObserver;
  readonly retry?: RetrierOptions;
  /** Without a byte for so long a transfer is given up, in ms. */
  readonly stallTimeoutMs?: number;
  /** How long it may take to check one login, in ms. @default {no limit} */
  readonly loginTimeoutMs?: number;
  /** Schemes that the user wrote before a registry, by host. */
  readonly schemes: ReadonlyMap<string, "http" | "https">;
  /** Aborted when the user interrupts the run. */
  readonly signal: AbortSignal;
}

interface Access {
  readonly connection: Connection;
  checkLogin(signal?: AbortSignal): Promise<LoginState>;
  tryLogin(signal?: AbortSignal): Promise<LoginState>;
  /** Waits until nothing shared is under way. */
  settled(): Promise<void>;
}

function lateLogin({ host }: RegistryAddress, ms: number): HangarError {
  return new HangarError(
    "timeout",
    `${host} did not say within ${
      ms / 1000
    } s whether it takes the credentials`,
    { host, hint: "give it more with --timeout" },
  );
}

function loginRequest(base: URL, signal?: AbortSignal): TransportRequest {
  return { ...pingRequest(base, signal), ownOrigin: true };
}

/** The registries of a run: one connection and one login for each. */
export class Network implements AsyncDisposable {
  readonly #options: NetworkOptions;
  readonly #clients: HostClients;
  /** The same for registries of which registries.conf says that they are. */
  readonly #insecureClients: HostClients;
  readonly #retrier: Retrier;
  readonly #gate: RequestGate;
  readonly #plain: Transport;
  readonly #insecurePlain: Transport;
  readonly #accesses = new Map<string, Access>();
  readonly #registries = new Map<string, Registry>();
  // Pings and tokens are shared, so they end with the run, not with an image.
  readonly #end = new AbortController();

  constructor(options: NetworkOptions) {
    this.#options = options;
    const clients = (verifyCertificates: boolean) =>
      new HostClients({
        userAgent: `hangar/${VERSION}`,
        verifyCertificates,
        certificates: options.certificates,
        systemCertificates: options.systemCertificates,
        proxyFor: options.proxyFor,
        fetch: options.fetch,
        stallTimeoutMs: options.stallTimeoutMs,
        observer: options.observer,
      });
    this.#clients = clients(options.tlsVerify !== false);
    this.#insecureClients = clients(false);
    this.#retrier = new Retrier({
      observer: options.observer,
      isForGood,
      ...options.retry,
    });
    this.#gate = new RequestGate({ maxPerHost: options.maxPerHost });
    const plain = ({ send }: HostClients) =>
      compose(
        send,
        followRedirects,
        readWholeBodies,
        this.#retrier.decorate,
      );
    this.#plain = plain(this.#clients);
    this.#insecurePlain = plain(this.#insecureClients);
  }

  /**
   * What all images of a run share.
   *
   * @param access what is asked of destinations: whoever writes nothing must not
   * ask to
   */
  runServices(access: "pull" | "pull,push"): RunServices {
    return {
      stores: {
        source: (image) => this.#registry(registryOf(image), "pull"),
        destination: (image) => this.#registry(registryOf(image), access),
      },
      blobs: new ContentLedger(),
      manifests: new ContentLedger(),
      mounts: new Mounts(),
      locks: new KeyedLock(),
      finder: new AttachmentFinder(),
      gate: this.#gate,
      attempts: () => this.#retrier.attempts(),
      endpoints: new EndpointChooser(),
    };
  }

  /** The host at which a registry is reached. */
  hostOf(image: ImageAddress): string {
    const { registry } = image.endpoints?.at(-1) ?? image;
    return apiHostOf(registry);
  }

  /** Reaches hosts that are no registries, without credentials. */
  get plainTransport(): Transport {
    return this.#plain;
  }

  /** The store of an image, to read from. */
  reader(image: ImageAddress): SourceStore {
    return this.#registry(registryOf(image), "pull");
  }

  /** The projects of a registry that is a Harbor. */
  async projects(address: RegistryAddress): Promise<HarborProjects> {
    const { signal } = this.#options;
    const { base } = await this.#access(address).connection.endpoint(signal);
    const { host } = address;
    const found = await this.#options.credentials.credentialsFor(host);
    const clients = this.#isInsecure(address)
      ? this.#insecureClients
      : this.#clients;
    const send = compose(
      clients.send,
      this.#gate.limit(host),
      withBasic(found),
      readWholeBodies,
      this.#retrier.decorate,
    );
    return new HarborProjects(send, base);
  }

  /** Whether a registry takes the credentials at hand. */
  async checkLogin(registry: RegistryAddress): Promise<LoginState> {
    const { signal, loginTimeoutMs = 0 } = this.#options;
    const late = new AbortController();
    const timer = loginTimeoutMs > 0
      ? setTimeout(
        () => late.abort(lateLogin(registry, loginTimeoutMs)),
        loginTimeoutMs,
      )
      : undefined;
    try {
      return await this.#access(registry)
        .checkLogin(AbortSignal.any([signal, late.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether a registry takes credentials that are to be kept. */
  async tryLogin(registry: RegistryAddress): Promise<LoginState> {
    return await this.#access(registry).tryLogin(this.#options.signal);
  }

  #registry(address: RegistryAddress, access: "pull" | "pull,push"): Registry {
    const key = `${access} ${this.#keyOf(address)}`;
    let registry = this.#registries.get(key);
    if (!registry) {
      registry = new Registry(this.#access(address).connection, { access });
      this.#registries.set(key, registry);
    }
    return registry;
  }

  #access(address: RegistryAddress): Access {
    const key = this.#keyOf(address);
    let access = this.#accesses.get(key);
    if (!access) {
      access = this.#connect(address);
      this.#accesses.set(key, access);
    }
    return access;
  }

  #keyOf(address: RegistryAddress): string {
    return `${address.host}${this.#isInsecure(address) ? " insecure" : ""}`;
  }

  /** What was said for the whole run has the last word. */
  #isInsecure({ insecure = false }: RegistryAddress): boolean {
    const { tlsVerify } = this.#options;
    return insecure && tlsVerify === undefined;
  }

  #connect(address: RegistryAddress): Access {
    const { credentials } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, this.#end.signal]);
    const { host: id } = address;
    let authenticator: Authenticator | undefined;
    const connection = new Connection({
      id,
      signal,
      stallTimeoutMs: this.#options.stallTimeoutMs,
      candidates: this.#candidates(address),
      transportFor: (base) => {
        // `insecure` is said of this host: not of its CDN or its token server.
        const isOwn = ({ url }: TransportRequest) =>
          this.#isInsecure(address) && url.hostname === base.hostname;
        const send: Transport = (request) =>
          (isOwn(request) ? this.#insecureClients : this.#clients)
            .send(request);
        authenticator = new Authenticator({
          origin: base.origin,
          credentials: async (repository) => {
            const found = await credentials.credentialsFor(id, repository);
            this.#options.observer?.onCredentials?.(id, found?.origin);
            return found;
          },
          tokenTransport: (request) =>
            (isOwn(request) ? this.#insecurePlain : this.#plain)(request),
          signal,
        });
        return compose(
          send,
          followRedirects,
          this.#gate.limit(id),
          authenticator.decorate,
          readWholeBodies,
          this.#retrier.decorate,
        );
      },
    });
    return {
      connection,
      settled: async () => {
        await connection.settled();
        await authenticator?.settled();
      },
      checkLogin: async (signal) => {
        const { base, send } = await connection.endpoint(signal);
        return await authenticator!.checkLogin(
          () => send(loginRequest(base, signal)),
          signal,
        );
      },
      tryLogin: async (signal) => {
        const { base, send } = await connection.endpoint(signal);
        return await authenticator!.tryLogin(
          (headers) => send({ ...loginRequest(base, signal), headers }),
          signal,
        );
      },
    };
  }

  #candidates(address: RegistryAddress): URL[] {
    const { host, scheme } = address;
    const { tlsVerify, schemes } = this.#options;
    const name = apiHostOf(host);
    const chosen = scheme ?? schemes.get(host);
    if (chosen) return [new URL(`${chosen}://${name}`)];
    const mayBePlain = tlsVerify === false || this.#isInsecure(address) ||
      (tlsVerify === undefined && isLoopback(host));
    return [
      new URL(`https://${name}`),
      ...(mayBePlain ? [new URL(`http://${name}`)] : []),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new HangarError("interrupted", "the run is over"));
    await Promise.all([...this.#accesses.values()].map((a) => a.settled()));
    await this.#clients[Symbol.asyncDispose]();
    await this.#insecureClients[Symbol.asyncDispose]();
  }
}
