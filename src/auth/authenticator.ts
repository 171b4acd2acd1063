/**
 * Answers a registry's challenges: Basic, or Bearer with one token per scope
 * (distribution token specification, and its OAuth2 form).
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import { readBounded } from "../transport/fault.ts";
import { checkedRealm } from "../transport/named_url.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { isTemporaryStatus, parseRetryAfter } from "../transport/retry.ts";
import {
  discard,
  type Transport,
  type TransportDecorator,
  type TransportRequest,
} from "../transport/transport.ts";
import { basic, withAuthorization } from "./basic.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "./keychain.ts";

/** Options of an {@linkcode Authenticator}. */
export interface AuthenticatorOptions {
  /** Where the registry is: credentials go to this origin alone. */
  readonly origin: string;
  /** The credentials for a repository, or for the registry as a whole. */
  readonly credentials: (
    repository?: string,
  ) => Promise<Credentials | undefined>;
  /** Reaches token servers; adds no credentials of its own. */
  readonly tokenTransport: Transport;
  /** Ends the token requests, which no single caller owns. */
  readonly signal?: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What a registry says to the credentials at hand. */
export type LoginState =
  /** It asks for none. */
  | "open"
  /** It accepts them. */
  | "accepted"
  /** It asks for credentials, and there are none. */
  | "missing"
  /** It refuses them. */
  | "refused";

interface Token {
  readonly value: string;
  /** When to stop using it, in ms since the epoch. */
  readonly expires: number;
}

const MAX_TOKEN_ANSWER = 1024 * 1024;
const TOKEN_TIMEOUT_MS = 60_000;
// The token spec: without expires_in a token is good for 60 seconds.
const DEFAULT_EXPIRES_IN = 60;

/** Adds `Authorization` to the requests for one registry. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #now: () => number;
  readonly #tokens = new Map<string, Promise<Token>>();
  /** Refresh tokens that took the place of identity tokens in this run. */
  readonly #renewed = new Map<string, string>();
  #challenge?: Challenge;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Authenticates requests, and answers one challenge for each. */
  readonly decorate: TransportDecorator = (next) => async (request) => {
    if (
      request.url.origin !== this.#options.origin ||
      request.headers?.["authorization"] !== undefined
    ) return await next(request);
    const header = await this.#authorize(request);
    const response = await next(withAuthorization(request, header));
    if (response.status !== 401) return response;
    if (!this.#learn(response)) return response;
    // The token was refused before its time: the next one is a new one.
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
      request.body instanceof ReadableStream
    ) {
      return response;
    }
    await discard(response);
    return await next(withAuthorization(request, again));
  };

  /**
   * Finds out whether the credentials at hand are good, by way of the
   * registry's base endpoint.
   *
   * @param ping a request of the base endpoint, which stays on its origin
   */
  async checkLogin(
    ping: () => Promise<Response>,
    signal?: AbortSignal,
  ): Promise<LoginState> {
    const response = await ping();
    await discard(response);
    if (this.#challenge === undefined) return "open";
    if (await this.#options.credentials() === undefined) return "missing";
    if (this.#challenge.scheme === "basic") {
      return response.status === 401 ? "refused" : "accepted";
    }
    return await this.#tokenState(signal);
  }

  /**
   * The same with credentials that are to be kept: a registry that asks for
   * none, because it lets anybody read, is shown them unasked.
   *
   * @param ping the same; it sends its request with these headers
   */
  async tryLogin(
    ping: (headers?: Readonly<Record<string, string>>) => Promise<Response>,
    signal?: AbortSignal,
  ): Promise<LoginState> {
    const state = await this.checkLogin(ping, signal);
    const credentials = await this.#options.credentials();
    if (!credentials || state === "missing" || state === "refused") {
      return state;
    }
    const authorization = this.#challenge?.scheme === "bearer"
      // A token server may hand out a token for nobody, which opens nothing.
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

  async #tokenState(signal?: AbortSignal): Promise<"accepted" | "refused"> {
    try {
      await this.#token([], signal);
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
    // The base endpoint asks for no scope: a challenge there was only asked
    // for, and a token without scope would say nothing.
    if (!request.scopes?.length) return undefined;
    const token = await this.#token(request.scopes, request.signal);
    return `Bearer ${token.value}`;
  }

  #forget(request: TransportRequest): void {
    this.#tokens.delete(scopeKey(request.scopes ?? []));
  }

  async #token(
    scopes: readonly string[],
    signal?: AbortSignal,
  ): Promise<Token> {
    const key = scopeKey(scopes);
    const known = this.#tokens.get(key);
    if (known) {
      const token = await wait(known, signal);
      if (token.expires > this.#now()) return token;
      // Another worker may have begun the renewal while this one waited.
      if (this.#tokens.get(key) === known) this.#tokens.delete(key);
      return await this.#token(scopes, signal);
    }
    // Shared by all who wait, so no single caller's abort may end it.
    const fetched = this.#fetchToken(scopes);
    this.#tokens.set(key, fetched);
    fetched.catch(() => {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
    });
    return await wait(fetched, signal);
  }

  async #fetchToken(scopes: readonly string[]): Promise<Token> {
    const { realm = "", service } = this.#challenge!.parameters;
    const url = checkedRealm(realm, new URL(this.#options.origin));
    // Credentials go to a realm over https, or to the registry's own origin.
    const trusted = url.protocol === "https:" ||
      url.origin === this.#options.origin;
    const credentials = trusted
      ? await this.#options.credentials(repositoryOf(scopes))
      : undefined;
    const request = credentials?.identityToken
      ? oauthRequest(
        url,
        service,
        scopes,
        this.#renewed.get(credentials.identityToken) ??
          credentials.identityToken,
      )
      : tokenRequest(url, service, scopes, credentials);
    const timeout = new AbortController();
    const { signal } = this.#options;
    const onEnd = () => timeout.abort(signal?.reason);
    if (signal?.aborted) onEnd();
    signal?.addEventListener("abort", onEnd, { once: true });
    const timer = setTimeout(
      () =>
        timeout.abort(
          new HangarError(
            "network",
            `${redactUrl(url)}: the token server did not answer within ${
              TOKEN_TIMEOUT_MS / 1000
            } s`,
            { temporary: true },
          ),
        ),
      TOKEN_TIMEOUT_MS,
    );
    try {
      const response = await this.#options.tokenTransport({
        ...request,
        wholeBody: MAX_TOKEN_ANSWER,
        // The form that holds a refresh token would be sent along.
        ownOrigin: credentials !== undefined,
        signal: timeout.signal,
      });
      return await this.#readToken(
        response,
        request,
        timeout.signal,
        credentials?.identityToken,
      );
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onEnd);
    }
  }

  /** Waits until no token request is under way; for the end of a run. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#tokens.values());
  }

  async #readToken(
    response: Response,
    request: TransportRequest,
    signal: AbortSignal,
    identityToken?: string,
  ): Promise<Token> {
    const what = `${request.method} ${redactUrl(request.url)}`;
    if (!response.ok) {
      await discard(response);
      const { status } = response;
      throw new HangarError(
        status === 401
          ? "unauthorized"
          : status === 403
          ? "denied"
          : status === 429
          ? "rate-limited"
          : "registry",
        `${what}: the token server answered ${status}`,
        {
          status,
          temporary: isTemporaryStatus(status),
          retryAfter: parseRetryAfter(
            response.headers.get("retry-after"),
            this.#now(),
          ),
          host: new URL(this.#options.origin).host,
          hint: status === 401 || status === 403
            ? `check the credentials, or: hangar login ${
              new URL(this.#options.origin).host
            }`
            : undefined,
        },
      );
    }
    const bytes = await readBounded(
      response,
      MAX_TOKEN_ANSWER,
      { method: request.method, url: request.url, signal },
    );
    let answer: unknown;
    try {
      answer = JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new HangarError("protocol", `${what}: the answer is not JSON`, {
        cause,
      });
    }
    const fields = isJsonObject(answer) ? answer : {};
    const value = fields["token"] || fields["access_token"];
    // A token is a header value: visible ASCII, or it could carry a header.
    if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
      throw new HangarError("protocol", `${what}: the answer holds no token`);
    }
    const renewed = fields["refresh_token"];
    if (identityToken && typeof renewed === "string" && renewed !== "") {
      this.#renewed.set(identityToken, renewed);
    }
    const given = fields["expires_in"];
    const seconds = typeof given === "number" && given > 0
      ? given
      : DEFAULT_EXPIRES_IN;
    // Counted from our own receipt, since clocks differ, with some margin.
    const margin = Math.min(10, seconds / 5);
    return { value, expires: this.#now() + (seconds - margin) * 1000 };
  }
}

function wait<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  return signal ? abortable(promise, signal) : promise;
}

function scopeKey(scopes: readonly string[]): string {
  return [...new Set(scopes)].sort().join(" ");
}

function repositoryOf(scopes: readonly string[] = []): string | undefined {
  const match = /^repository:(.*):[^:]*$/.exec(scopes[0] ?? "");
  return match?.[1];
}

function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): TransportRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  return {
    method: "GET",
    url,
    headers: credentials ? { authorization: basic(credentials) } : {},
  };
}

function oauthRequest(
  url: URL,
  service: string | undefined,
  scopes: readonly string[],
  identityToken: string,
): TransportRequest {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "hangar",
    refresh_token: identityToken,
  });
  if (service !== undefined) form.set("service", service);
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  return {
    method: "POST",
    url,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new TextEncoder().encode(form.toString()),
  };
}
