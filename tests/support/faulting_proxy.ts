/**
 * An HTTP proxy on loopback that fails requests by chance, as a loaded front
 * end of a registry does.
 *
 * @module
 */

import { pick } from "./random.ts";

/** How a request fails. */
export type FaultKind =
  /** Refused by its head: nothing of its body is read. */
  | "refused"
  /** Read to its end, and not passed on. */
  | "swallowed"
  /** Carried out, and the answer lost. */
  | "lost";

/** Options of a {@linkcode FaultingProxy}. */
export interface FaultingProxyOptions {
  /** The server's `host:port`. */
  readonly target: string;
  /** How many of 1 requests fail. */
  readonly rate: number;
  readonly kinds: readonly FaultKind[];
  /** A number in [0, 1). */
  readonly random: () => number;
}

const STATUSES = [500, 502, 503, 504];

/** Headers that are of one connection. */
const HOP_BY_HOP = ["connection", "host", "transfer-encoding", "keep-alive"];

/** The proxy. */
export class FaultingProxy implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Requests, and those that failed. */
  readonly count = { requests: 0, failed: 0 };
  readonly #options: FaultingProxyOptions;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #client = Deno.createHttpClient({});

  constructor(options: FaultingProxyOptions) {
    this.#options = options;
    this.#server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen: () => {},
      onError: () => new Response(null, { status: 502 }),
    }, (request) => this.#answer(request));
    this.host = `127.0.0.1:${this.#server.addr.port}`;
  }

  async #answer(request: Request): Promise<Response> {
    const { rate, kinds, random } = this.#options;
    this.count.requests++;
    if (random() >= rate) return await this.#pass(request);
    this.count.failed++;
    const status = pick(random, STATUSES);
    switch (pick(random, kinds)) {
      case "refused":
        await request.body?.cancel();
        break;
      case "swallowed":
        await request.body?.pipeTo(new WritableStream());
        break;
      case "lost":
        await (await this.#pass(request)).body?.cancel();
    }
    return new Response(null, { status });
  }

  async #pass(request: Request): Promise<Response> {
    const url = new URL(request.url);
    url.host = this.#options.target;
    const headers = new Headers(request.headers);
    for (const name of HOP_BY_HOP) headers.delete(name);
    headers.set("x-forwarded-host", this.host);
    const response = await fetch(url, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
      client: this.#client,
    });
    return new Response(response.body, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    this.#client.close();
  }
}
