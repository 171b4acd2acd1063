/**
 * Tokens from the server that a registry's Bearer challenge names (distribution
 * token specification, and its OAuth2 form).
 *
 * @module
 */

import { type ErrorCode, HangarError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { readBounded } from "../transport/read_body.ts";
import { checkedRealm } from "../transport/named_url.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { isTemporaryStatus, parseRetryAfter } from "../transport/retry.ts";
import {
  discard,
  type Transport,
  type TransportRequest,
} from "../transport/transport.ts";
import { basic } from "./basic.ts";
import type { Credentials } from "./keychain.ts";

/** Options of a {@linkcode TokenServer}. */
export interface TokenServerOptions {
  /** Where the registry is. */
  readonly origin: string;
  /** The credentials for a repository, or for the registry as a whole. */
  readonly credentials: (
    repository?: string,
  ) => Promise<Credentials | undefined>;
  /** Reaches token servers; adds no credentials of its own. */
  readonly tokenTransport: Transport;
  /** Ends the requests: several callers share one, so none of them does. */
  readonly signal?: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A token for one scope or several. */
export interface Token {
  readonly value: string;
  /** When to stop using it, in ms since the epoch. */
  readonly expires: number;
}

/** The parameters of a Bearer challenge. */
export type BearerParameters = Readonly<Record<string, string | undefined>>;

const MAX_TOKEN_ANSWER = 1024 * 1024;
const TOKEN_TIMEOUT_MS = 60_000;
// The token spec: without expires_in a token is good for 60 seconds.
const DEFAULT_EXPIRES_IN = 60;

/** Asks for the tokens of one registry. */
export class TokenServer {
  readonly #options: TokenServerOptions;
  /** Refresh tokens that took the place of identity tokens in this run. */
  readonly #renewed = new Map<string, string>();

  constructor(options: TokenServerOptions) {
    this.#options = options;
  }

  /**
   * Asks for a token.
   *
   * @param repository whose credentials are shown. @default {that of the first
   * scope}
   * @throws {HangarError} `unauthorized` or `denied` when the server refuses
   * the credentials, `protocol` when its answer holds no token, and whatever
   * the transport throws
   */
  async fetchToken(
    { realm = "", service }: BearerParameters,
    scopes: readonly string[],
    repository = repositoryOf(scopes),
  ): Promise<Token> {
    const { origin, tokenTransport } = this.#options;
    const url = checkedRealm(realm, new URL(origin));
    // Credentials go to a realm over https, or to the registry's own origin.
    const trusted = url.protocol === "https:" || url.origin === origin;
    const credentials = trusted
      ? await this.#options.credentials(repository)
      : undefined;
    const identityToken = credentials?.identityToken;
    const request = identityToken
      ? oauthRequest(
        url,
        service,
        scopes,
        this.#renewed.get(identityToken) ?? identityToken,
      )
      : tokenRequest(url, service, scopes, credentials);
    return await this.#inTime(url, async (signal) => {
      const response = await tokenTransport({
        ...request,
        wholeBody: MAX_TOKEN_ANSWER,
        // A redirect would take the form with the refresh token along.
        ownOrigin: credentials !== undefined,
        signal,
      });
      const fields = await this.#read(response, request, signal);
      const token = this.#tokenOf(fields, nameOf(request));
      const renewed = fields["refresh_token"];
      if (identityToken && typeof renewed === "string" && renewed !== "") {
        this.#renewed.set(identityToken, renewed);
      }
      return token;
    });
  }

  /** Gives up a request that takes too long, or at the end of the run. */
  async #inTime<T>(
    url: URL,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
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
      return await work(timeout.signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onEnd);
    }
  }

  async #read(
    response: Response,
    request: TransportRequest,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    if (!response.ok) {
      await discard(response);
      throw this.#refusal(response, nameOf(request));
    }
    const { method, url } = request;
    const bytes = await readBounded(response, MAX_TOKEN_ANSWER, {
      method,
      url,
      signal,
    });
    try {
      const answer: unknown = JSON.parse(new TextDecoder().decode(bytes));
      return isJsonObject(answer) ? answer : {};
    } catch (cause) {
      throw new HangarError(
        "protocol",
        `${nameOf(request)}: the answer is not JSON`,
        { cause },
      );
    }
  }

  #refusal({ status, headers }: Response, what: string): HangarError {
    const { origin, now } = this.#options;
    const { host } = new URL(origin);
    return new HangarError(
      codeOf(status),
      `${what}: the token server answered ${status}`,
      {
        status,
        temporary: isTemporaryStatus(status),
        retryAfter: parseRetryAfter(headers.get("retry-after"), now()),
        host,
        hint: status === 401 || status === 403
          ? `check the credentials, or: hangar login ${host}`
          : undefined,
      },
    );
  }

  #tokenOf(fields: JsonObject, what: string): Token {
    const value = fields["token"] || fields["access_token"];
    // A token is a header value: visible ASCII, or it could carry a header.
    if (typeof value !== "string" || !/^[\x21-\x7e]+$/.test(value)) {
      throw new HangarError("protocol", `${what}: the answer holds no token`);
    }
    const given = fields["expires_in"];
    const seconds = typeof given === "number" && given > 0
      ? given
      : DEFAULT_EXPIRES_IN;
    // From the time of receipt, since clocks differ, and with a margin.
    const margin = Math.min(10, seconds / 5);
    return { value, expires: this.#options.now() + (seconds - margin) * 1000 };
  }
}

/** The repository of the first scope. */
export function repositoryOf(
  scopes: readonly string[] = [],
): string | undefined {
  const match = /^repository:(.*):[^:]*$/.exec(scopes[0] ?? "");
  return match?.[1];
}

function nameOf({ method, url }: TransportRequest): string {
  return `${method} ${redactUrl(url)}`;
}

function codeOf(status: number): ErrorCode {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "denied";
    case 429:
      return "rate-limited";
    default:
      return "registry";
  }
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
