/**
 * A TCP proxy on loopback that delays what passes: a long line, of any width or
 * of a narrow one.
 *
 * @module
 */

/** The proxy. */
export class DelayingProxy implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly #listener: Deno.TcpListener;
  readonly #target: () => string;
  readonly #oneWayMs: number;
  readonly #bytesPerMs: number;
  /** When the line will have carried what was read so far. */
  #busyUntil = 0;
  readonly #open = new Set<Deno.TcpConn>();

  /**
   * @param roundTripMs there and back
   * @param bytesPerSecond what all connections carry together, both ways
   */
  constructor(
    target: () => string,
    roundTripMs: number,
    bytesPerSecond: number = Infinity,
  ) {
    this.#target = target;
    this.#oneWayMs = roundTripMs / 2;
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.host = `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
    this.#accept();
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) this.#serve(client);
    } catch {
      // Closed.
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    // A connection takes a round trip before anything can be sent on it.
    await new Promise((r) => setTimeout(r, 2 * this.#oneWayMs));
    const [hostname = "", port] = this.#target().split(":");
    const server = await Deno.connect({ hostname, port: Number(port) });
    client.setNoDelay();
    server.setNoDelay();
    for (const conn of [client, server]) this.#open.add(conn);
    await Promise.all([
      this.#pump(client, server),
      this.#pump(server, client),
    ]);
    for (const conn of [client, server]) {
      this.#open.delete(conn);
      close(conn);
    }
  }

  /** Reads on while what was read is on its way. */
  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    let last = Promise.resolve();
    try {
      while (true) {
        const buffer = new Uint8Array(64 * 1024);
        const read = await from.read(buffer);
        if (read !== null) await this.#carry(read);
        const due = performance.now() + this.#oneWayMs;
        const before = last;
        last = (async () => {
          await before;
          const wait = due - performance.now();
          if (wait > 0) await new Promise((r) => setTimeout(r, wait));
          if (read === null) return await to.closeWrite();
          for (let sent = 0; sent < read;) {
            sent += await to.write(buffer.subarray(sent, read));
          }
        })().catch(() => close(from));
        if (read === null) break;
      }
    } catch {
      close(to);
    }
    await last;
  }

  async #carry(bytes: number): Promise<void> {
    const now = performance.now();
    this.#busyUntil = Math.max(this.#busyUntil, now) + bytes / this.#bytesPerMs;
    // Timers are too coarse for single pieces of a wide line.
    if (this.#busyUntil - now < 5) return;
    await new Promise((r) => setTimeout(r, this.#busyUntil - now));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) close(conn);
    return Promise.resolve();
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}

/** A proxy in a process of its own, so that it does not slow down what is measured. */
export class ProxyProcess implements AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;

  private constructor(
    host: string,
    child: Deno.ChildProcess,
    output: ReadableStreamDefaultReader<string>,
  ) {
    this.host = host;
    this.#child = child;
    this.#output = output;
  }

  /**
   * @param roundTripMs there and back
   * @param bytesPerSecond what all connections carry together, both ways
   */
  static async start(
    target: string,
    roundTripMs: number,
    bytesPerSecond: number = Infinity,
  ): Promise<ProxyProcess> {
    const line = [roundTripMs, bytesPerSecond].map(String);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename!, target, ...line],
      stdout: "piped",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    const { value = "" } = await output.read();
    return new ProxyProcess(value.trim(), child, output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#output.cancel();
    await this.#child.status;
  }
}

if (import.meta.main) {
  const [target = "", ...line] = Deno.args;
  const [roundTripMs = 0, bytesPerSecond] = line.map(Number);
  console.log(
    new DelayingProxy(() => target, roundTripMs, bytesPerSecond).host,
  );
}
