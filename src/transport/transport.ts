/**
 * How a request reaches a host: one function type, decorated.
 *
 * @module
 */

/** How much more may be pulled (Docker Hub's `ratelimit-*` headers). */
export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  /** The time that the limit is for, in seconds. */
  readonly windowS?: number;
}

/** Told of every request that really goes out, for logs and counts. */
export interface RequestObserver {
  /** A request is about to be sent; called once per attempt and redirect. */
  onRequest?(method: string, url: URL): void;
  /** Its answer's head arrived, after `ms` milliseconds. */
  onResponse?(method: string, url: URL, status: number, ms: number): void;
  /** A host told how much more may be pulled. */
  /** Where the credentials for a host come from; undefined for none. */
  onCredentials?(host: string, origin: string | undefined): void;
  /** Requests to a host go through a proxy, told once. */
  onProxy?(host: string, proxyUrl: string): void;
  onRateLimit?(host: string, limit: RateLimit): void;
  /**
   * Something will be tried again after `delayMs` milliseconds.
   *
   * @param what the request; undefined for a whole transfer
   * @param reason the error, or the status of the answer
   */
  onRetry?(what: string | undefined, delayMs: number, reason: unknown): void;
}

/** One request to a registry. */
export interface TransportRequest {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes can be sent again; a stream cannot, so such a request is not retried. */
  readonly body?: Uint8Array | ReadableStream<Uint8Array>;
  readonly signal?: AbortSignal;
  /**
   * Reads the answer's body before it counts as one, so that a body that breaks
   * is a request to be sent again; at most so many bytes.
   */
  readonly wholeBody?: number;
  /** Called when it broke or was refused for now, and is sent again. */
  readonly onRetry?: () => void;
  /**
   * It is not sent again by itself: what it carried may have arrived, or there
   * is more to be done first.
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
  /** Without a byte of the whole body for so long it is given up, in ms. */
  readonly stallTimeoutMs?: number;
  /**
   * The caller holds a transfer slot of this host already, so none is taken.
   *
   * @default {false}
   */
  readonly inTransfer?: boolean;
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

/** Wraps a transport in decorators; the first named is the innermost. */
export function compose(
  base: Transport,
  ...decorators: readonly TransportDecorator[]
): Transport {
  return decorators.reduce((next, decorate) => decorate(next), base);
}

/** Lets go of a response whose body nobody wants. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}
