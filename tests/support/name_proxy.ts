/**
 * A forward proxy that leads every host name to a server on loopback, by plain
 * HTTP alone: what asks it for TLS finds out that there is none.
 *
 * @module
 */

const HEAD_END = "\r\n\r\n";

/** The proxy. */
export class NameProxy implements AsyncDisposable {
  readonly url: string;
  readonly #resolve: (host: string) => string;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #served: Promise<void>[] = [];

  /** @param resolve `host:port` of a server, by `host[:port]` as it is asked for */
  constructor(resolve: (host: string) => string) {
    this.#resolve = resolve;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.url = `http://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
    this.#served.push(this.#accept());
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) {
        this.#open.add(client);
        this.#served.push(this.#serve(client).catch(() => {}));
      }
    } catch {
      // Closed.
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn | undefined;
    try {
      const { head, rest } = await readHead(client);
      const [line = "", ...headers] = head.split("\r\n");
      const [method, target = ""] = line.split(" ");
      if (method === "CONNECT") {
        await write(client, `HTTP/1.1 200 OK${HEAD_END}`);
        await client.read(new Uint8Array(4096));
        return await write(client, `HTTP/1.1 400 Bad Request${HEAD_END}`);
      }
      const url = new URL(target);
      const [hostname = "", port] = this.#resolve(url.host).split(":");
      server = await Deno.connect({ hostname, port: Number(port) });
      this.#open.add(server);
      await writeHead(server, [
        `${method} ${url.pathname}${url.search} HTTP/1.1`,
        ...headers,
      ]);
      await writeAll(server, rest);
      const up = pump(client, server).catch(() => {});
      const answer = await readHead(server);
      await writeHead(client, answer.head.split("\r\n"));
      await writeAll(client, answer.rest);
      await pump(server, client);
      close(client);
      await up;
    } finally {
      for (const conn of [client, server]) {
        if (!conn) continue;
        close(conn);
        this.#open.delete(conn);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) close(conn);
    await Promise.all(this.#served);
  }
}

/** One request a connection: the next may be for another server. */
async function writeHead(
  conn: Deno.TcpConn,
  lines: readonly string[],
): Promise<void> {
  const kept = lines.filter((line) => !/^(proxy-)?connection:/i.test(line));
  await write(conn, [...kept, `Connection: close${HEAD_END}`].join("\r\n"));
}

async function readHead(conn: Deno.TcpConn) {
  let bytes = new Uint8Array();
  const buffer = new Uint8Array(16 * 1024);
  while (true) {
    const read = await conn.read(buffer);
    if (read === null) throw new Error("no request");
    bytes = new Uint8Array([...bytes, ...buffer.subarray(0, read)]);
    const text = new TextDecoder("latin1").decode(bytes);
    const end = text.indexOf(HEAD_END);
    if (end < 0) continue;
    return {
      head: text.slice(0, end),
      rest: bytes.subarray(end + HEAD_END.length),
    };
  }
}

async function pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (
    let read = await from.read(buffer);
    read !== null;
    read = await from.read(buffer)
  ) await writeAll(to, buffer.subarray(0, read));
}

async function write(conn: Deno.TcpConn, text: string): Promise<void> {
  await writeAll(conn, new TextEncoder().encode(text));
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(bytes.subarray(sent));
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
