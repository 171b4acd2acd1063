/**
 * How a request reaches a host: one function type, and decorators for it.
 *
 * @module
 */

import type { ByteReader } from "../bytes.ts";

/** How many pulls a registry allows (Docker Hub's `ratelimit-*` headers). */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** The period of the limit, in seconds. */
  readonly windowS?: number;
}

/** Hears of every request that is sent, for logs and counts. */
export interface RequestObserver {
  /** A request is about to be sent: each attempt and each redirect. */
  onRequest?(method: string, url: URL): void;
  /** Its answer's head arrived, after `ms` milliseconds. */
  onResponse?(method: string, url: URL, status: number, ms: number): void;
  /** Where the credentials for a host come from; undefined for none. */
  onCredentials?(host: string, origin: string | undefined): void;
  /** A host refused, or did not answer: it gets so many requests at once now. */
  onPaceCut?(host: string, limit: number): void;
  /** A host was sent content under a wrong digest, to see if it refuses it. */
  onDigestTrial?(host: string, isRefused: boolean): void;
  /** Requests to a host go through a proxy; called once. */
  onProxy?(host: string, proxyUrl: string): void;
  /** A host said how many pulls it allows. */
  onRateLimit?(host: string, limit: RateLimit): void;
  /**
   * Another attempt follows after `delayMs` milliseconds.
   *
   * @param what the request; undefined for a whole transfer
   * @param reason the error, or the status of the answer
   * @param host `host[:port]`, where it is known
   */
  onRetry?(
    what: string | undefined,
    delayMs: number,
    reason: unknown,
    host?: string,
  ): void;
}

/** One request to a registry. */
export interface TransportRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Bytes can be sent again. What is read while it is sent cannot, so such a
   * request is not retried.
   */
  readonly body?: Uint8Array | ByteReader;
  readonly signal?: AbortSignal;
  /**
   * Reads the whole body of the answer, at most so many bytes, before the answer
   * counts. Then a body that breaks makes the request be sent again.
   */
  readonly wholeBody?: number;
  /** Called before the request is sent again. */
  readonly onRetry?: () => void;
  /**
   * Whether it is sent once only: its content may have arrived, or the caller
   * has more to do before another attempt.
   *
   * @default {false}
   */
  readonly once?: boolean;
  /** Token scopes the request needs, as `repository:NAME:pull,push`. */
  readonly scopes?: readonly string[];
  /**
   * Whether a redirect to another origin is refused: the request is about
   * credentials, or carries them in its body.
   *
   * @default {false}
   */
  readonly ownOrigin?: boolean;
  /** How long the whole body may bring no byte, in ms. */
  readonly stallTimeoutMs?: number;
  /**
   * Whether the caller holds a transfer slot of this host already, so that the
   * request takes none.
   *
   * @default {false}
   */
  readonly inTransfer?: boolean;
}

/** Whether the body of a request is read while it is sent. */
export function isStreamed(
  { body }: Pick<TransportRequest, "body">,
): boolean {
  return body !== undefined && !(body instanceof Uint8Array);
}

/**
 * Sends a request and gives the response's head, whatever its status. The
 * caller reads or cancels the body.
 *
 * @throws {HangarError} `network` or `tls` when there was no response
 */
export type Transport = (request: TransportRequest) => Promise<Response>;

/** Adds behaviour around a transport. */
export type TransportDecorator = (next: Transport) => Transport;

/** Wraps a transport in decorators; the first is the innermost. */
export function compose(
  base: Transport,
  ...decorators: readonly TransportDecorator[]
): Transport {
  return decorators.reduce((next, decorate) => decorate(next), base);
}

/** Drops the body of a response. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}
