/**
 * go-containerregistry's registry as a test server: everything in memory, no
 * referrers API. Its program is called `registry`, as distribution's is, so it
 * is installed as `gcr-registry`.
 *
 * @module
 */

import { ChildServer } from "./child_server.ts";
import { optionalTool } from "./tools.ts";

/** Its path, where Go's programs take part. */
export const gcrRegistryProgram: string | undefined = optionalTool(
  "gcr-registry",
);

/** How long it may take to start, in ms. */
const PATIENCE = 10_000;

/** A running server; see {@linkcode startGcrRegistry}. */
export class GcrRegistry implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly #server: ChildServer;

  constructor(port: string, server: ChildServer) {
    this.host = `127.0.0.1:${port}`;
    this.#server = server;
  }

  /** `http://127.0.0.1:PORT` */
  get url(): string {
    return `http://${this.host}`;
  }

  /** A request to this registry, as that of `RealRegistry`. */
  fetch(target: string, init: RequestInit = {}): Promise<Response> {
    return fetch(new URL(target, this.url), init);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }
}

/**
 * Starts the server on a free port and waits until it listens. Use it as
 * `await using registry = await startGcrRegistry()`.
 *
 * @throws {Error} with its own words when it does not start
 */
export async function startGcrRegistry(): Promise<GcrRegistry> {
  if (gcrRegistryProgram === undefined) {
    throw new Error(
      "gcr-registry is not installed, or HANGAR_GO_INTEROP is not 1",
    );
  }
  const listening = Promise.withResolvers<string>();
  let said = "";
  const server = new ChildServer(gcrRegistryProgram, {
    // The system chooses the port, and the log tells which: no race for it.
    args: ["-port", "0"],
    onStdout: () => {},
    onStderr: (line) => {
      said += `${line}\n`;
      const port = /serving on port (\d+)/.exec(line)?.[1];
      if (port !== undefined) listening.resolve(port);
    },
  });
  const timer = setTimeout(
    () => listening.reject(new Error(`gcr-registry: too slow: ${said}`)),
    PATIENCE,
  );
  server.ended.then((code) =>
    listening.reject(new Error(`gcr-registry ended with ${code}: ${said}`))
  );
  try {
    return new GcrRegistry(await listening.promise, server);
  } catch (error) {
    await server.stop();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
