/**
 * What the commands need from the process they run in; tests bring their own.
 *
 * @module
 */

import { denoKeychainEnvironment } from "../machine/keychain_environment.ts";
import { fileError } from "../machine/file_error.ts";
import { readStream } from "../machine/read_stream.ts";
import { LogStream } from "./log_stream.ts";
import { PROXY_VARIABLES } from "../transport/proxy/proxy_variables.ts";
import type { RunProcess } from "../run/process.ts";

/** The process around a command. */
export interface CliContext extends RunProcess {
  /** Waits for the log to be written, where it waits for its reader. */
  readonly flush?: () => Promise<void>;
  /** The names of all variables of the environment. @default {none} */
  readonly envNames?: () => readonly string[];
}

const encoder = new TextEncoder();

/** How long the end of a run waits for the reader of its log, in ms. */
const FLUSH_MS = 5_000;

function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  output: string | Uint8Array,
): boolean {
  let bytes: Uint8Array = typeof output === "string"
    ? encoder.encode(output)
    : output;
  try {
    while (bytes.length > 0) bytes = bytes.subarray(writeSome(stream, bytes));
    return true;
  } catch (error) {
    // The reader of a pipe has ended (`| head`): no program reads the output.
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw fileError("write", "standard output", error);
  }
}

/** One write. It waits for the reader where the pipe itself does not wait. */
function writeSome(
  stream: { writeSync(bytes: Uint8Array): number },
  bytes: Uint8Array,
): number {
  while (true) {
    try {
      return stream.writeSync(bytes);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/**
 * The real process. The proxy variables are removed from its environment: each
 * client inside would follow them in its own way, and for loopback too.
 */
export function processContext(): CliContext {
  const proxies = takeVariables(PROXY_VARIABLES);
  const log = new LogStream(Deno.stderr);
  // A dumb terminal knows neither colours nor cursors.
  const isTerminal = Deno.stderr.isTerminal() &&
    Deno.env.get("TERM") !== "dumb";
  return {
    stdout: (output) => writeAll(Deno.stdout, output),
    stderr: (text) => log.write(text),
    flush: () => log.flush(FLUSH_MS),
    stdin: () => readStream(Deno.stdin.readable),
    env: (name) => proxies[name] ?? Deno.env.get(name),
    envNames: () => Object.keys(Deno.env.toObject()),
    prompt: ask,
    color: isTerminal && wantsColor((name) => Deno.env.get(name)),
    terminalSize: isTerminal ? terminalSize : undefined,
    onInterrupt,
    // Credential helpers are other programs: they get the proxy variables back.
    keychain: denoKeychainEnvironment(proxies),
  };
}

/** Whether colours are wanted: an empty NO_COLOR says nothing (no-color.org). */
export function wantsColor(env: (name: string) => string | undefined): boolean {
  return !env("NO_COLOR");
}

/** The size of the terminal; 80 x 24 where it does not tell its size. */
function terminalSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // The streams are no longer a terminal.
  }
  return { columns: 80, rows: 24 };
}

function takeVariables(names: readonly string[]): Record<string, string> {
  const taken: Record<string, string> = {};
  for (const name of names) {
    const value = Deno.env.get(name);
    if (value === undefined) continue;
    taken[name] = value;
    Deno.env.delete(name);
  }
  return taken;
}

/** The first signal calls back; the second ends the process at once. */
function onInterrupt(callback: () => void): () => void {
  let seen = false;
  const listener = () => {
    if (seen) Deno.exit(130);
    seen = true;
    callback();
  };
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, listener);
  return () => {
    for (const signal of signals) Deno.removeSignalListener(signal, listener);
  };
}

const CTRL_C = 3;
const CTRL_D = 4;
const BACKSPACES = [8, 127];

/** One line from the terminal, read key by key, so that it can stay hidden. */
async function ask(
  question: string,
  options: { readonly secret?: boolean } = {},
): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) return undefined;
  writeAll(Deno.stderr, question);
  const typed: number[] = [];
  const key = new Uint8Array(1);
  Deno.stdin.setRaw(true);
  try {
    while (await Deno.stdin.read(key) !== null) {
      const byte = key[0]!;
      if (byte === CTRL_C) Deno.exit(130);
      if (byte === 10 || byte === 13 || byte === CTRL_D) break;
      if (BACKSPACES.includes(byte)) {
        // All bytes of a UTF-8 character are removed together.
        while (typed.length > 0 && (typed.pop()! & 0xc0) === 0x80);
        if (!options.secret) writeAll(Deno.stderr, "\b \b");
        continue;
      }
      typed.push(byte);
      if (!options.secret) writeAll(Deno.stderr, key);
    }
  } finally {
    Deno.stdin.setRaw(false);
    writeAll(Deno.stderr, "\n");
  }
  return new TextDecoder().decode(new Uint8Array(typed));
}
