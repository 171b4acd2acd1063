/**
 * One upload that a registry has opened (distribution-spec, "Pushing blobs").
 *
 * @module
 */

import type { ByteReader } from "../../bytes.ts";
import { HangarError } from "../../errors.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { OpenUpload } from "../../oci/store.ts";
import { redactUrl } from "../../transport/redact_url.ts";
import { checkedTarget } from "../../transport/named_url.ts";
import { discard, type TransportRequest } from "../../transport/transport.ts";
import type { Connection } from "../connection.ts";
import { registryError } from "../registry_error.ts";

/** How long a registry may take to forget an upload, in ms. */
const CANCEL_TIMEOUT_MS = 5_000;

/** Thrown when a registry wants to know the length of a body. */
export class StreamRefused extends Error {}

/** An upload that the registry has opened. */
export class Upload implements OpenUpload {
  /** `OCI-Chunk-Min-Length`, in bytes; 0 where the registry names none. */
  readonly minChunk: number;
  readonly #connection: Connection;
  readonly #scopes: readonly string[];
  /** How long it took to open, in ms. */
  readonly openedInMs: number;
  /** Where the next request goes. */
  #location: URL;

  constructor(
    connection: Connection,
    scopes: readonly string[],
    location: URL,
    { minChunk, openedInMs }: {
      readonly minChunk: number;
      readonly openedInMs: number;
    },
  ) {
    this.#connection = connection;
    this.#scopes = scopes;
    this.#location = location;
    this.minChunk = minChunk;
    this.openedInMs = openedInMs;
  }

  /** Where the next request goes, for messages. */
  get name(): string {
    return redactUrl(this.#location);
  }

  /**
   * Sends the next bytes.
   *
   * @throws {StreamRefused} when they must have a length, or a smaller one
   */
  async patch(
    body: Uint8Array | ByteReader,
    options: Pick<TransportRequest, "headers" | "signal">,
  ): Promise<void> {
    const [request, response] = await this.#request("PATCH", this.#location, {
      ...options,
      body,
    });
    this.#location = locationOf(request, response);
  }

  /** Ends the upload: the registry checks what it got against the digest. */
  async finish(
    { digest }: Pick<Descriptor, "digest">,
    body: Uint8Array | ByteReader | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    // By hand: URLSearchParams would change the spelling of a signed query.
    const url = new URL(this.#location);
    const query = `digest=${encodeURIComponent(digest)}`;
    url.search = url.search ? `${url.search}&${query}` : query;
    await this.#request("PUT", url, { body, signal });
  }

  /**
   * How many bytes the registry has; 0 when that is not certain, undefined when
   * it no longer knows the upload (distribution-spec, "Pushing a blob in
   * chunks").
   */
  async reached(
    blob: Descriptor,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const { send } = await this.#connection.endpoint(signal);
    const request: TransportRequest = {
      method: "GET",
      url: this.#location,
      scopes: this.#scopes,
      signal,
      inTransfer: true,
    };
    try {
      const response = await send(request);
      await discard(response);
      if (response.status !== 204) return undefined;
      const range = /^(?:bytes=)?0-(\d+)$/.exec(
        response.headers.get("range") ?? "",
      );
      if (response.headers.has("location")) {
        this.#location = locationOf(request, response);
      }
      // Registries answer "0-0" for an empty upload too.
      const reached = Number(range?.[1] ?? 0) + 1;
      return reached > 1 && reached <= blob.size ? reached : 0;
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  }

  /** Tells the registry to forget the upload; a failure to do so is harmless. */
  async cancel(): Promise<void> {
    // A time limit of its own, since the caller's signal is often aborted.
    const leash = new AbortController();
    const timer = setTimeout(() => leash.abort(), CANCEL_TIMEOUT_MS);
    try {
      const { send } = await this.#connection.endpoint(leash.signal);
      await discard(
        await send({
          method: "DELETE",
          url: this.#location,
          scopes: this.#scopes,
          inTransfer: true,
          once: true,
          signal: leash.signal,
        }),
      );
    } catch {
      // Registries clear abandoned uploads by themselves.
    } finally {
      clearTimeout(timer);
    }
  }

  async #request(
    method: "PATCH" | "PUT",
    url: URL,
    options: Pick<TransportRequest, "headers" | "body" | "signal">,
  ): Promise<[TransportRequest, Response]> {
    const { send } = await this.#connection.endpoint(options.signal);
    const request: TransportRequest = {
      ...options,
      method,
      url,
      headers: {
        "content-type": "application/octet-stream",
        ...options.headers,
      },
      scopes: this.#scopes,
      inTransfer: true,
      once: true,
    };
    const response = await send(request);
    if (response.status === 411 || response.status === 413) {
      throw new StreamRefused("refused", {
        cause: await registryError(request, response),
      });
    }
    if (!response.ok) throw await registryError(request, response);
    await discard(response);
    return [request, response];
  }
}

/**
 * The URL at which a registry continues an upload.
 *
 * @throws {HangarError} `protocol` when it names none, or one that is not
 * allowed
 */
export function locationOf(request: TransportRequest, response: Response): URL {
  const location = response.headers.get("location");
  if (location !== null) return checkedTarget(location, request.url);
  throw new HangarError(
    "protocol",
    `${request.method} ${
      redactUrl(request.url)
    }: ${response.status} without a Location`,
  );
}
