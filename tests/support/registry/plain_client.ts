/**
 * A registry, asked by plain requests.
 *
 * @module
 */

import { FakeRegistry, type FakeRegistryOptions } from "../fake_registry.ts";

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The repository that requests are about. */
export const REPO = "corp/app";

/** Requests to a registry. */
export class PlainClient {
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Sends a request to a path of the repository, or to a `Location`. */
  async ask(
    method: string,
    path: string,
    options: {
      readonly headers?: Record<string, string>;
      readonly body?: Uint8Array | string;
    } = {},
  ): Promise<Answer> {
    const { body } = options;
    const url = new URL(path, `${this.#origin}/v2/${REPO}/`);
    const response = await fetch(url, {
      method,
      headers: { "accept-encoding": "identity", ...options.headers },
      body: typeof body === "string" ? body : body && new Uint8Array(body),
    });
    const { status, headers } = response;
    return { status, headers, text: await response.text() };
  }

  /** Opens an upload. */
  async open(): Promise<string> {
    return locationOf(await this.ask("POST", "blobs/uploads/"));
  }

  /** Sends a blob in one POST. */
  async post(digest: string, body: Uint8Array): Promise<Answer> {
    return await this.ask("POST", `blobs/uploads/?digest=${digest}`, { body });
  }

  /** Sends a chunk. */
  async patch(
    location: string,
    body: Uint8Array,
    range?: string,
  ): Promise<Answer> {
    const headers: Record<string, string> = range
      ? { "content-range": range }
      : {};
    return await this.ask("PATCH", location, { body, headers });
  }

  /** Ends an upload. */
  async finish(
    location: string,
    digest: string,
    body?: Uint8Array,
    range?: string,
  ): Promise<Answer> {
    const query = `${location.includes("?") ? "&" : "?"}digest=${digest}`;
    return await this.ask("PUT", location + query, {
      body,
      headers: range ? { "content-range": range } : {},
    });
  }
}

/** A fake registry and requests to it. */
export class FakeClient extends PlainClient implements AsyncDisposable {
  readonly registry: FakeRegistry;

  constructor(options: FakeRegistryOptions = {}) {
    const registry = FakeRegistry.start(options);
    super(registry.url);
    this.registry = registry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
  }
}

/** The `Location` of an answer. */
export function locationOf({ headers, status }: Answer): string {
  const location = headers.get("location");
  if (!location) throw new Error(`${status} without a Location`);
  return location;
}
