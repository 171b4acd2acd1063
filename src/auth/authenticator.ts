/**
 * Answers a registry's challenges: Basic, or Bearer with a token for each scope.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { HangarError } from "../errors.ts";
import { sharedWork } from "../shared_work.ts";
import {
  discard,
  isStreamed,
  type TransportDecorator,
  type TransportRequest,
} from "../transport/transport.ts";
import { basic, withAuthorization } from "./basic.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "./keychain.ts";
import {
  repositoryOf,
  type Token,
  TokenServer,
  type TokenServerOptions,
} from "./token_server.ts";

/** Options of an {@linkcode Authenticator}; credentials go to `origin` alone. */
export interface AuthenticatorOptions extends Omit<TokenServerOptions, "now"> {
  /** Milliseconds since the epoch. @default {Date.now} */
  readonly now?: () => number;
}

/** Sends a request to the base endpoint of a registry. */
export type Ping = (
  headers?: Readonly<Record<string, string>>,
) => Promise<Response>;

/** How a registry takes the credentials. */
export type LoginState =
  /** It asks for none. */
  | "open"
  /** It accepts them. */
  | "accepted"
  /** It asks for credentials, and there are none. */
  | "missing"
  /** It refuses them. */
  | "refused";

/** Adds `Authorization` to the requests for one registry. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #now: () => number;
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #server: TokenServer;
  #challenge?: Challenge;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#server = new TokenServer({ ...options, now: this.#now });
  }

  /** Whether the registry has asked for credentials. */
  get isChallenged(): boolean {
    return this.#challenge !== undefined;
  }

  /** Authenticates requests. A request answers one challenge at most. */
  readonly decorate: TransportDecorator = (next) => async (request) => {
    if (
      request.url.origin !== this.#options.origin ||
      request.headers?.["authorization"] !== undefined
    ) return await next(request);
    const header = await this.#authorize(request);
    const response = await next(withAuthorization(request, header));
    if (response.status !== 401) return response;
    if (!this.#learn(response)) return response;
    // The token was refused before it expired: ask for a new one.
    if (header !== undefined) this.#forget(request);
    let again: string | undefined;
    try {
      again = await this.#authorize(request);
    } catch (error) {
      await discard(response);
      throw error;
    }
    if (
      again === undefined || again === header ||
      isStreamed(request)
    ) {
      return response;
    }
    await discard(response);
    return await next(withAuthorization(request, again));
  };

  /**
   * Finds out whether the registry accepts the credentials, by a request to its
   * base endpoint. Those of one repository are enough: the others show by
   * themselves whether theirs are good.
   *
   * @param ping sends a request to the base endpoint, with these headers; it
   * follows no redirect to another origin
   * @param repositories whose credentials are meant, in the order in which to
   * try. @default {those of the registry as a whole}
   */
  async checkLogin(
    ping: Ping,
    signal?: AbortSignal,
    repositories: Iterable<string | undefined> = [undefined],
  ): Promise<LoginState> {
    const response = await ping();
    await discard(response);
    if (this.#challenge === undefined) return "open";
    const refused = new Set<string>();
    for (const repository of repositories) {
      const credentials = await this.#options.credentials(repository);
      const key = credentials && secretsOf(credentials);
      if (!credentials || key === undefined || refused.has(key)) continue;
      const isAccepted = this.#challenge.scheme === "basic"
        ? await this.#takesBasic(credentials, response, ping)
        : await this.#tokenState(signal, repository) === "accepted";
      if (isAccepted) return "accepted";
      refused.add(key);
    }
    return refused.size > 0 ? "refused" : "missing";
  }

  /** @param response to a request with the credentials of the whole registry */
  async #takesBasic(
    credentials: Credentials,
    response: Response,
    ping: Ping,
  ): Promise<boolean> {
    const sent = await this.#options.credentials();
    if (sent && secretsOf(sent) === secretsOf(credentials)) {
      return response.status !== 401;
    }
    const answer = await ping({ authorization: basic(credentials) });
    await discard(answer);
    return answer.status !== 401;
  }

  /**
   * Tries credentials before they are kept. A registry that everyone may read
   * asks for none; it gets them without a challenge.
   *
   * @param ping as for {@linkcode checkLogin}
   */
  async tryLogin(
    ping: Ping,
    signal?: AbortSignal,
  ): Promise<LoginState> {
    const state = await this.checkLogin(ping, signal);
    const credentials = await this.#options.credentials();
    if (!credentials || state === "missing" || state === "refused") {
      return state;
    }
    const authorization = this.#challenge?.scheme === "bearer"
      // A token server may give out an anonymous token, which proves nothing.
      ? `Bearer ${(await this.#token([], signal)).value}`
      : basic(credentials);
    const response = await ping({ authorization });
    await discard(response);
    if (response.status === 403) return "refused";
    if (response.status !== 401) return state;
    return state === "open" && this.#learn(response) &&
        this.#challenge?.scheme === "bearer"
      ? await this.#tokenState(signal)
      : "refused";
  }

  async #tokenState(
    signal?: AbortSignal,
    repository?: string,
  ): Promise<"accepted" | "refused"> {
    try {
      await this.#token([], signal, repository);
      return "accepted";
    } catch (error) {
      if (
        error instanceof HangarError &&
        (error.code === "unauthorized" || error.code === "denied")
      ) {
        return "refused";
      }
      throw error;
    }
  }

  #learn(response: Response): boolean {
    const challenges = parseChallenges(
      response.headers.get("www-authenticate") ?? "",
    );
    const found =
      challenges.find((c) =>
        c.scheme === "bearer" && c.parameters["realm"] !== undefined
      ) ?? challenges.find((c) => c.scheme === "basic");
    if (found) this.#challenge = found;
    return found !== undefined;
  }

  async #authorize(request: TransportRequest): Promise<string | undefined> {
    if (this.#challenge === undefined) return undefined;
    if (this.#challenge.scheme === "basic") {
      const credentials = await this.#options.credentials(
        repositoryOf(request.scopes),
      );
      return credentials && basic(credentials);
    }
    // A request to the base endpoint only provokes a challenge. It has no scope,
    // and a token without scope would prove nothing.
    if (!request.scopes?.length) return undefined;
    const token = await this.#token(request.scopes, request.signal);
    return `Bearer ${token.value}`;
  }

  #forget(request: TransportRequest): void {
    this.#tokens.delete(scopeKey(request.scopes ?? []));
  }

  /**
   * @param repository whose credentials are shown. @default {that of the first
   * scope}
   */
  async #token(
    scopes: readonly string[],
    signal?: AbortSignal,
    repository?: string,
  ): Promise<Token> {
    const key = scopeKey(scopes) + (repository ? ` of ${repository}` : "");
    const isNew = !this.#tokens.has(key);
    const { parameters } = this.#challenge!;
    // All who wait share it, so the abort of one caller must not end it.
    const shared = sharedWork(
      this.#tokens,
      key,
      () => this.#server.fetchToken(parameters, scopes, repository),
    );
    const token = await wait(shared, signal);
    if (isNew || token.expires > this.#now()) return token;
    // Another request may have begun the renewal in the meantime.
    if (this.#tokens.get(key) === shared) this.#tokens.delete(key);
    return await this.#token(scopes, signal, repository);
  }

  /** Waits until no token request is under way; the end of a run calls it. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#tokens.values());
  }
}

/** What tells one login from another; it is kept for a moment only. */
function secretsOf(
  { username, password, identityToken }: Credentials,
): string {
  return JSON.stringify([username, password, identityToken]);
}

function wait<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  return signal ? abortable(promise, signal) : promise;
}

function scopeKey(scopes: readonly string[]): string {
  return [...new Set(scopes)].sort().join(" ");
}
