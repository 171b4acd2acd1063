/**
 * Requests about one repository of a registry.
 *
 * @module
 */

import type { CallOptions } from "../oci/store.ts";
import type { TransportRequest } from "../transport/transport.ts";
import type { Connection } from "./connection.ts";

/** The parts of a request that the registry does not add by itself. */
export type Call =
  & Pick<
    TransportRequest,
    | "method"
    | "headers"
    | "body"
    | "inTransfer"
    | "once"
    | "wholeBody"
    | "onRetry"
  >
  & CallOptions;

/** Sends requests to the repositories of one registry. */
export class RepositoryRequests {
  readonly #connection: Connection;
  readonly #access: string;

  /** @param access what tokens are asked for, as scopes have it: `pull,push` */
  constructor(connection: Connection, access: string) {
    this.#connection = connection;
    this.#access = access;
  }

  /** What a token must allow for requests about a repository. */
  scopes(repository: string): string[] {
    return [`repository:${repository}:${this.#access}`];
  }

  /** @param path below the repository, such as `blobs/sha256:…` */
  async send(
    repository: string,
    path: string,
    call: Call,
  ): Promise<[TransportRequest, Response]> {
    const { base, send, stallTimeoutMs } = await this.#connection.endpoint(
      call.signal,
    );
    const request: TransportRequest = {
      ...call,
      stallTimeoutMs,
      url: new URL(`/v2/${repository}/${path}`, base),
      scopes: this.scopes(repository),
    };
    return [request, await send(request)];
  }
}
