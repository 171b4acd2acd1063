/**
 * The way to one registry: which URL it answers at, found out once.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";
import { HangarError } from "../errors.ts";
import { isPlainHttpPeer } from "../transport/fault.ts";
import { redactUrl } from "../transport/redact_url.ts";
import { discard, type Transport } from "../transport/transport.ts";
import { registryError } from "./registry_error.ts";

/** Options of a {@linkcode Connection}. */
export interface ConnectionOptions {
  /** Canonical `host[:port]`, the same for every name of one registry. */
  readonly id: string;
  /**
   * Base URLs to try, in order. The next one is tried only when the server does
   * not speak TLS.
   */
  readonly candidates: readonly URL[];
  /** The decorated transport for requests to the registry at a base URL. */
  readonly transportFor: (base: URL) => Transport;
  /** A transfer is given up after this time without a byte, in ms. */
  readonly stallTimeoutMs?: number;
  /** Ends the shared requests of this connection. */
  readonly signal?: AbortSignal;
}

/** A registry's base URL and the transport that reaches it. */
export interface Endpoint {
  readonly base: URL;
  readonly send: Transport;
  readonly stallTimeoutMs?: number;
}

/**
 * A registry. It is pinged on first use, and all callers wait for that one
 * ping. A failed ping is forgotten, so that a later image tries again.
 */
export class Connection {
  readonly id: string;
  readonly #options: ConnectionOptions;
  #endpoint?: Promise<Endpoint>;

  constructor(options: ConnectionOptions) {
    this.id = options.id;
    this.#options = options;
  }

  /**
   * Where the registry answers.
   *
   * @throws {HangarError} when it does not answer, or not as a registry
   */
  endpoint(signal?: AbortSignal): Promise<Endpoint> {
    if (!this.#endpoint) {
      const found = this.#find();
      this.#endpoint = found;
      found.catch(() => {
        if (this.#endpoint === found) this.#endpoint = undefined;
      });
    }
    return signal ? abortable(this.#endpoint, signal) : this.#endpoint;
  }

  /** Waits until the shared ping has ended; for the end of a run. */
  async settled(): Promise<void> {
    await this.#endpoint?.catch(() => {});
  }

  async #find(): Promise<Endpoint> {
    const { candidates, transportFor, signal, stallTimeoutMs } = this.#options;
    for (const [i, base] of candidates.entries()) {
      const send = transportFor(base);
      try {
        await checkVersion(send, base, signal);
        return { base, send, stallTimeoutMs };
      } catch (error) {
        if (i + 1 < candidates.length && isPlainHttpPeer(error)) continue;
        throw error;
      }
    }
    throw new HangarError("network", `no URL to reach ${this.id} by`);
  }
}

/** The request that every registry answers (distribution-spec, end-1). */
export function pingRequest(base: URL, signal?: AbortSignal) {
  return { method: "GET", url: new URL("/v2/", base), signal } as const;
}

async function checkVersion(
  send: Transport,
  base: URL,
  signal?: AbortSignal,
): Promise<void> {
  const request = pingRequest(base, signal);
  const response = await send(request);
  const version = response.headers.get("docker-distribution-api-version");
  // With 401, a registry asks for credentials. Each request then brings them.
  if (response.ok || response.status === 401) {
    await discard(response);
    if (version === null || version.includes("registry/2")) return;
    throw new HangarError(
      "protocol",
      `${redactUrl(request.url)}: speaks ${
        JSON.stringify(version.slice(0, 80))
      }, not version 2 of the registry API`,
    );
  }
  if (response.status === 404) {
    await discard(response);
    throw new HangarError(
      "protocol",
      `${
        redactUrl(request.url)
      }: 404, so this is not a registry of API version 2`,
      { hint: "check host and port" },
    );
  }
  throw await registryError(request, response);
}
