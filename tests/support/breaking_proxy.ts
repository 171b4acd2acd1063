/**
 * A TCP proxy on loopback that breaks connections: a bad network.
 *
 * @module
 */

/** What becomes of a connection. */
export interface ConnectionFate {
  /** Closed when so many bytes have come from the server. */
  readonly downAfter?: number;
  /** Closed when so many bytes have come from the client. */
  readonly upAfter?: number;
}

/** The proxy. */
export class BreakingProxy implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Connections that were made, and those that were broken. */
  readonly count = { made: 0, broken: 0 };
  readonly #listener: Deno.TcpListener;
  readonly #target: () => string;
  readonly #fate: () => ConnectionFate | undefined;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #work: Promise<void>;

  /**
   * @param target the server's `host:port`
   * @param fate asked for each connection; undefined lets it live
   */
  constructor(target: () => string, fate: () => ConnectionFate | undefined) {
    this.#target = target;
    this.#fate = fate;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.host = `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
    this.#work = this.#accept();
  }

  async #accept(): Promise<void> {
    const under = new Set<Promise<void>>();
    try {
      for await (const client of this.#listener) {
        const work = this.#serve(client).finally(() => under.delete(work));
        under.add(work);
      }
    } catch {
      // Closed.
    }
    await Promise.allSettled(under);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.count.made++;
    this.#open.add(client);
    const fate = this.#fate() ?? {};
    const [hostname = "", port] = this.#target().split(":");
    let server: Deno.TcpConn | undefined;
    let closed = false;
    const close = (broken: boolean) => {
      if (closed) return;
      closed = true;
      if (broken) this.count.broken++;
      for (const conn of [client, server]) {
        if (!conn) continue;
        this.#open.delete(conn);
        try {
          conn.close();
        } catch {
          // Closed already.
        }
      }
    };
    try {
      server = await Deno.connect({ hostname, port: Number(port) });
      this.#open.add(server);
      const pump = async (
        from: Deno.TcpConn,
        to: Deno.TcpConn,
        limit = Infinity,
      ) => {
        const buffer = new Uint8Array(64 * 1024);
        let passed = 0;
        try {
          while (true) {
            const read = await from.read(buffer);
            if (read === null) return close(false);
            const take = Math.min(read, Math.max(0, limit - passed));
            for (let sent = 0; sent < take;) {
              sent += await to.write(buffer.subarray(sent, take));
            }
            passed += read;
            if (passed >= limit) return close(true);
          }
        } catch {
          close(false);
        }
      };
      await Promise.all([
        pump(client, server, fate.upAfter),
        pump(server, client, fate.downAfter),
      ]);
    } catch {
      close(false);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of [...this.#open]) {
      try {
        conn.close();
      } catch {
        // Closed already.
      }
    }
    await this.#work;
  }
}
