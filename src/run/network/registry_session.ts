/**
 * One registry of a run: its URL, and the login there.
 *
 * @module
 */

import { Authenticator, type LoginState } from "../../auth/authenticator.ts";
import type { Credentials } from "../../auth/keychain.ts";
import { Connection, pingRequest } from "../../registry/connection.ts";
import { limitRate } from "../../transport/request_rate.ts";
import { followRedirects } from "../../transport/redirect.ts";
import {
  compose,
  type RequestObserver,
  type Transport,
  type TransportRequest,
} from "../../transport/transport.ts";
import type { RunClients } from "./clients.ts";

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
  /**
   * Called when the user has just logged in: remembered credentials are out of
   * date.
   */
  forget?(): void;
}

/** Options of a {@linkcode RegistrySession}. */
export interface SessionOptions {
  /** `host[:port]`, as references name it. */
  readonly host: string;
  /** The URLs at which it may answer, in the order in which to try. */
  readonly candidates: readonly URL[];
  /** Whether registries.conf calls this host insecure. */
  readonly isInsecure: boolean;
  readonly clients: RunClients;
  /** The most requests in a second. @default {any number} */
  readonly perSecond?: number;
  readonly credentials: CredentialSource;
  readonly observer?: RequestObserver;
  readonly stallTimeoutMs?: number;
  /** Ends the shared work: pings and tokens. */
  readonly signal: AbortSignal;
}

function loginRequest(base: URL, signal?: AbortSignal): TransportRequest {
  return { ...pingRequest(base, signal), ownOrigin: true };
}

/** The session. Nothing is sent before it is used. */
export class RegistrySession {
  readonly connection: Connection;
  readonly #options: SessionOptions;
  /** Made when the URL of the registry is known. */
  #authenticator?: Authenticator;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { host, candidates, signal, stallTimeoutMs } = options;
    this.connection = new Connection({
      id: host,
      signal,
      stallTimeoutMs,
      candidates,
      transportFor: (base) => this.#transportFor(base),
    });
  }

  #transportFor(base: URL): Transport {
    const { host, clients, credentials, isInsecure, observer, signal } =
      this.#options;
    const { perSecond } = this.#options;
    // `insecure` applies to this host, not to its CDN or its token server.
    const clientsFor = ({ url }: TransportRequest) =>
      isInsecure && url.hostname === base.hostname
        ? clients.insecure
        : clients.usual;
    const authenticator = new Authenticator({
      origin: base.origin,
      credentials: async (repository) => {
        const found = await credentials.credentialsFor(host, repository);
        observer?.onCredentials?.(host, found?.origin);
        return found;
      },
      tokenTransport: (request) => clientsFor(request).plain(request),
      signal,
    });
    this.#authenticator = authenticator;
    return compose(
      (request) => clientsFor(request).send(request),
      followRedirects,
      clients.gate.limit(host),
      perSecond === undefined ? (send) => send : limitRate(perSecond),
      authenticator.decorate,
      clients.retrier.decorate,
    );
  }

  /**
   * Whether the registry accepts the credentials that hangar has.
   *
   * @param repositories what is to be written there
   */
  async checkLogin(
    repositories: Iterable<string>,
    signal?: AbortSignal,
  ): Promise<LoginState> {
    const { base, send } = await this.connection.endpoint(signal);
    // The request that found its URL was answered without credentials.
    if (!this.#authenticator!.isChallenged) return "open";
    return await this.#authenticator!.checkLogin(
      (headers) => send({ ...loginRequest(base, signal), headers }),
      signal,
      repositories,
    );
  }

  /** Whether the registry accepts credentials that the user wants to keep. */
  async tryLogin(signal?: AbortSignal): Promise<LoginState> {
    const { base, send } = await this.connection.endpoint(signal);
    return await this.#authenticator!.tryLogin(
      (headers) => send({ ...loginRequest(base, signal), headers }),
      signal,
    );
  }

  /** Waits until the shared work has ended. */
  async settled(): Promise<void> {
    await this.connection.settled();
    await this.#authenticator?.settled();
  }
}
