/**
 * Debian's `docker-registry` (CNCF distribution 2.8) as a test server.
 *
 * @module
 */

import {
  makeServerCertificate,
  type ServerCertificate,
} from "./certificates.ts";
import { ChildServer } from "./child_server.ts";
import { runChecked } from "./tools.ts";

/** Options of {@linkcode startDockerRegistry}. */
export interface DockerRegistryOptions {
  /** Asks everybody for this user and password (Basic). */
  readonly htpasswd?: { readonly user: string; readonly password: string };
  /**
   * Speaks HTTPS, with a certificate by a CA of its own.
   *
   * @default {false}
   */
  readonly tls?: boolean;
  /**
   * With `tls`: asks clients for a certificate by its CA; its own is one.
   *
   * @default {false}
   */
  readonly clientCertificates?: boolean;
  /**
   * Where the content is; it is left alone in the end.
   *
   * @default a directory that is removed in the end
   */
  readonly storageDir?: string;
  /**
   * Allows DELETE on manifests and blobs.
   *
   * @default {false}
   */
  readonly deleteEnabled?: boolean;
  /**
   * Takes indexes of which it lacks entries; only distribution v3 can.
   *
   * @default {false}
   */
  readonly sparseIndexes?: boolean;
  /**
   * Another build of the same server, such as that of distribution v3.
   *
   * @default {"docker-registry"}
   */
  readonly program?: string;
}

/** One line of the access log. */
export interface LoggedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly status: number;
}

/** How long the server may take to start, or to write its log, in ms. */
const PATIENCE = 10_000;

// Requests by this agent are the support's own and are not counted.
const OWN_AGENT = "hangar-interop-support";

// The combined log format: host - user [time] "request" status size "referer" "agent"
const ACCESS_LINE =
  /^\S+ \S+ \S+ \[[^\]]*\] "([A-Z]+) (\S+) [^"]*" (\d{3}) \d+ "[^"]*" "([^"]*)"$/;

function configText(
  options: DockerRegistryOptions,
  address: string,
  paths: { storage: string; htpasswd: string },
  certificate: ServerCertificate | undefined,
): string {
  // JSON is YAML. No `storage.cache`: with it the registry answers for blobs
  // that are gone from its disk.
  return JSON.stringify({
    version: 0.1,
    log: { level: "info", formatter: "json", accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: paths.storage },
      delete: { enabled: options.deleteEnabled ?? false },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: {
      addr: address,
      secret: "interop",
      // Long uploads break off when it ends; a manifest that is half written
      // would stay so, which no client can mend.
      draintimeout: "300ms",
      ...(certificate && {
        tls: {
          certificate: certificate.certFile,
          key: certificate.keyFile,
          ...(options.clientCertificates &&
            { clientcas: [certificate.caFile] }),
        },
      }),
    },
    ...(options.sparseIndexes && {
      validation: { manifests: { indexes: { platforms: "none" } } },
    }),
    ...(options.htpasswd && {
      auth: { htpasswd: { realm: "interop", path: paths.htpasswd } },
    }),
  });
}

/** Gives up on a promise after a time, without leaving a timer behind. */
async function within<T>(
  ms: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: too slow`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A running `docker-registry`; see {@linkcode startDockerRegistry}. */
export class RealRegistry implements AsyncDisposable {
  readonly #options: DockerRegistryOptions;
  readonly #directory: string;
  readonly #certificate: ServerCertificate | undefined;
  readonly #client: Deno.HttpClient;
  readonly #requests: LoggedRequest[] = [];
  readonly #marks = new Map<string, () => void>();
  #errors = "";
  #server: ChildServer | undefined;
  #host = "";

  private constructor(
    options: DockerRegistryOptions,
    directory: string,
    certificate: ServerCertificate | undefined,
    caCerts: string[],
  ) {
    this.#options = options;
    this.#directory = directory;
    this.#certificate = certificate;
    this.#client = Deno.createHttpClient({
      caCerts,
      ...(certificate && options.clientCertificates && {
        cert: Deno.readTextFileSync(certificate.certFile),
        key: Deno.readTextFileSync(certificate.keyFile),
      }),
    });
  }

  /** See {@linkcode startDockerRegistry}. */
  static async start(options: DockerRegistryOptions): Promise<RealRegistry> {
    const directory = await Deno.makeTempDir({ prefix: "hangar-registry-" });
    let registry: RealRegistry | undefined;
    try {
      const certificate = options.tls
        ? await makeServerCertificate(directory)
        : undefined;
      if (options.htpasswd) {
        // The registry knows bcrypt alone; cost 4 keeps requests quick.
        const { user, password } = options.htpasswd;
        const line = await runChecked("htpasswd", [
          "-nbBC",
          "4",
          user,
          password,
        ]);
        await Deno.writeTextFile(`${directory}/htpasswd`, line);
      }
      const caCerts = certificate
        ? [await Deno.readTextFile(certificate.caFile)]
        : [];
      registry = new RealRegistry(options, directory, certificate, caCerts);
      await registry.restart();
      return registry;
    } catch (error) {
      if (registry) await registry[Symbol.asyncDispose]();
      else await Deno.remove(directory, { recursive: true });
      throw error;
    }
  }

  /** `127.0.0.1:PORT`; stays the same over restarts. */
  get host(): string {
    return this.#host;
  }

  /** `http://127.0.0.1:PORT` or `https://…`. */
  get url(): string {
    return `${this.#certificate ? "https" : "http"}://${this.#host}`;
  }

  /** PEM file of the CA that a client has to trust, with `tls`. */
  get caFile(): string | undefined {
    return this.#certificate?.caFile;
  }

  /** PEM files that a client may show, with `clientCertificates`. */
  get clientCertificate(): ServerCertificate | undefined {
    return this.#certificate;
  }

  /** Where the content is, for tests that damage it. */
  get storageDir(): string {
    return this.#options.storageDir ?? `${this.#directory}/storage`;
  }

  /** What the registry wrote to standard error so far. */
  get errors(): string {
    return this.#errors;
  }

  /**
   * Requests in the order of their ends, those of this support left out.
   * The log may trail behind: {@linkcode settledRequests} waits for it.
   */
  requests(): LoggedRequest[] {
    return [...this.#requests];
  }

  /** Forgets the requests so far, once the log has caught up. */
  async clearRequests(): Promise<void> {
    await this.settledRequests();
    this.#requests.length = 0;
  }

  /** The requests, once the log shows all that ended before this call. */
  async settledRequests(): Promise<LoggedRequest[]> {
    const mark = crypto.randomUUID();
    const seen = new Promise<void>((resolve) => this.#marks.set(mark, resolve));
    try {
      const response = await this.fetch(`/v2/?mark=${mark}`);
      await response.body?.cancel();
      await within(PATIENCE, "access log", seen);
    } finally {
      this.#marks.delete(mark);
    }
    return this.requests();
  }

  /**
   * A request to this registry with its CA trusted and its password sent,
   * not counted among {@linkcode requests}.
   *
   * @param target a path, or a URL that the registry gave
   */
  fetch(target: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("user-agent", OWN_AGENT);
    headers.set("accept-encoding", "identity");
    const { htpasswd } = this.#options;
    if (htpasswd && !headers.has("authorization")) {
      const pair = `${htpasswd.user}:${htpasswd.password}`;
      headers.set("authorization", `Basic ${btoa(pair)}`);
    }
    return fetch(new URL(target, this.url), {
      ...init,
      headers,
      client: this.#client,
    });
  }

  /** Ends the server; content and port stay for {@linkcode restart}. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }

  /** Starts it again, on the port and with the content that it had. */
  async restart(): Promise<void> {
    await this.stop();
    const config = `${this.#directory}/config.json`;
    const paths = {
      storage: this.storageDir,
      htpasswd: `${this.#directory}/htpasswd`,
    };
    // Port 0 lets the system choose, and the log tells which: no race for it.
    const address = this.#host || "127.0.0.1:0";
    await Deno.writeTextFile(
      config,
      configText(this.#options, address, paths, this.#certificate),
    );
    const { promise: listening, resolve } = Promise.withResolvers<string>();
    this.#server = new ChildServer(this.#options.program ?? "docker-registry", {
      args: ["serve", config],
      onStdout: (line) => this.#takeAccessLine(line),
      onStderr: (line) => {
        this.#errors += `${line}\n`;
        const host = /"msg":"listening on ([\d.]+:\d+)/.exec(line)?.[1];
        if (host !== undefined) resolve(host);
      },
    });
    const died = this.#server.ended.then((code): never => {
      throw new Error(`docker-registry ended with ${code}: ${this.#errors}`);
    });
    // It ends some day; that is an error only while it is starting.
    died.catch(() => {});
    this.#host = await within(
      PATIENCE,
      "start of docker-registry",
      Promise.race([listening, died]),
    );
  }

  #takeAccessLine(line: string): void {
    const [, method, path, status, agent] = ACCESS_LINE.exec(line) ?? [];
    if (method === undefined || path === undefined) return;
    if (agent === OWN_AGENT) {
      const mark = /^\/v2\/\?mark=(.+)$/.exec(path)?.[1];
      if (mark !== undefined) this.#marks.get(mark)?.();
      return;
    }
    this.#requests.push({ method, path, status: Number(status) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.stop();
    } finally {
      this.#client.close();
      await Deno.remove(this.#directory, { recursive: true });
    }
  }
}

/**
 * Starts a registry on a free loopback port and waits until it listens. Use
 * it as `await using registry = await startDockerRegistry()`.
 *
 * @throws {Error} with the server's own words when it does not start
 */
export function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<RealRegistry> {
  return RealRegistry.start(options);
}
