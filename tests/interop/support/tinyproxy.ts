/**
 * Debian's `tinyproxy` as a forward proxy for tests, by TLS too.
 *
 * @module
 */

import { ChildServer } from "./child_server.ts";

/** Options of {@linkcode TinyProxy.start}. */
export interface TinyProxyOptions {
  /** Whom it lets through; everybody without it. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Ports to which it connects; its log shows what it refuses. */
  readonly connectPorts?: readonly string[];
  /** PEM files: it is also reached by TLS, at {@linkcode TinyProxy.tlsHost}. */
  readonly certificate?: {
    readonly certFile: string;
    readonly keyFile: string;
  };
}

/** A running proxy. */
export class TinyProxy implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** The same behind TLS. */
  readonly tlsHost?: string;
  readonly #server: ChildServer;
  readonly #directory: string;
  readonly #lines: string[] = [];
  readonly #listener?: Deno.TlsListener;
  readonly #relayed = new Set<Promise<void>>();

  private constructor(
    options: TinyProxyOptions,
    directory: string,
    port: number,
  ) {
    this.#directory = directory;
    this.host = `127.0.0.1:${port}`;
    this.#server = new ChildServer("tinyproxy", {
      args: ["-d", "-c", `${directory}/tinyproxy.conf`],
      onStdout: (line) => this.#lines.push(line),
      onStderr: (line) => this.#lines.push(line),
    });
    if (options.certificate) {
      this.#listener = Deno.listenTls({
        hostname: "127.0.0.1",
        port: 0,
        cert: Deno.readTextFileSync(options.certificate.certFile),
        key: Deno.readTextFileSync(options.certificate.keyFile),
      });
      this.tlsHost = `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
      this.#relayed.add(this.#accept(this.#listener, port));
    }
  }

  /** Starts it on free ports. */
  static async start(options: TinyProxyOptions = {}): Promise<TinyProxy> {
    const directory = await Deno.makeTempDir({ prefix: "hangar-proxy-" });
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr as Deno.NetAddr;
    free.close();
    const { credentials, connectPorts = [] } = options;
    await Deno.writeTextFile(
      `${directory}/tinyproxy.conf`,
      [
        `Port ${port}`,
        "Listen 127.0.0.1",
        "Timeout 30",
        "MaxClients 100",
        "LogLevel Connect",
        ...(credentials
          ? [`BasicAuth ${credentials.user} ${credentials.password}`]
          : []),
        ...connectPorts.map((allowed) => `ConnectPort ${allowed}`),
      ].join("\n"),
    );
    const proxy = new TinyProxy(options, directory, port);
    for (let i = 0; i < 100; i++) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return proxy;
      } catch {
        await new Promise((r) => setTimeout(r, 50));
      }
    }
    await proxy[Symbol.asyncDispose]();
    throw new Error(`tinyproxy does not start: ${proxy.#lines.join("\n")}`);
  }

  /** What went through it: `CONNECT host:port`, or the method and the host. */
  get seen(): ReadonlySet<string> {
    const seen = new Set<string>();
    for (const line of this.#lines) {
      const request = /Request \([^)]*\): (\S+) (\S+) HTTP/.exec(line);
      if (!request) continue;
      const [, method = "", target = ""] = request;
      seen.add(
        `${method} ${method === "CONNECT" ? target : new URL(target).host}`,
      );
    }
    return seen;
  }

  async #accept(listener: Deno.TlsListener, port: number): Promise<void> {
    try {
      for await (const client of listener) {
        const server = await Deno.connect({ hostname: "127.0.0.1", port });
        const done = Promise.allSettled([
          client.readable.pipeTo(server.writable),
          server.readable.pipeTo(client.writable),
        ]).then(() => {});
        this.#relayed.add(done);
      }
    } catch {
      // Closed, or a client that did not like the certificate.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener?.close();
    await this.#server.stop();
    await Promise.all(this.#relayed);
    await Deno.remove(this.#directory, { recursive: true });
  }
}
