/**
 * A registry that keeps back its blobs until it is told: what reads them is in
 * the middle of its work.
 *
 * @module
 */

import type { RealRegistry } from "../docker_registry.ts";

/** The registry; its content is that of another one. */
export class HeldRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #released = Promise.withResolvers<void>();
  #isAsked = false;

  constructor(content: RealRegistry) {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async ({ method, url, headers }) => {
        const { pathname, search } = new URL(url);
        if (method === "GET" && pathname.includes("/blobs/")) {
          this.#isAsked = true;
          await this.#released.promise;
        }
        return await content.fetch(`${pathname}${search}`, {
          method,
          headers: { accept: headers.get("accept") ?? "*/*" },
        });
      },
    );
    this.host = `127.0.0.1:${this.#server.addr.port}`;
  }

  /** Whether a blob was asked for. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Lets all blobs go. */
  release(): void {
    this.#released.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await this.#server.shutdown();
  }
}
