/**
 * A server program as a child of the test.
 *
 * @module
 */

import { TextLineStream } from "@std/streams/text-line-stream";

/** How long a server may take to end when it is asked to, in ms. */
const END_TIMEOUT = 5_000;

/** Options of {@linkcode ChildServer}. */
export interface ChildServerOptions {
  readonly args: readonly string[];
  /** All of its environment but `PATH`. */
  readonly env?: Record<string, string>;
  /** Told of each line on its standard output. */
  onStdout(line: string): void;
  /** Told of each line on its standard error. */
  onStderr(line: string): void;
}

async function eachLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): Promise<void> {
  const lines = stream.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) onLine(line);
}

/** Runs a server until it is stopped; its output is read all the time. */
export class ChildServer {
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<number>;

  constructor(command: string, options: ChildServerOptions) {
    this.#child = new Deno.Command(command, {
      args: [...options.args],
      // A variable such as REGISTRY_AUTH_FILE would be read as configuration.
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#ended = Promise.all([
      this.#child.status,
      eachLine(this.#child.stdout, options.onStdout),
      eachLine(this.#child.stderr, options.onStderr),
    ]).then(([status]) => status.code);
  }

  /** Resolves to its exit code once it has ended and its pipes are closed. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  /**
   * Ends it, by force where it does not listen, and waits until it is gone.
   *
   * @param graceMs how long it is waited for
   */
  async stop(graceMs: number = END_TIMEOUT): Promise<void> {
    this.#signal("SIGTERM");
    const force = setTimeout(() => this.#signal("SIGKILL"), graceMs);
    try {
      await this.#ended;
    } finally {
      clearTimeout(force);
    }
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch {
      // It has ended by itself.
    }
  }
}
