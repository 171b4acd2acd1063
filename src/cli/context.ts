/**
 * What the commands ask of the process they run in; tests bring their own.
 *
 * @module
 */

import {
  denoKeychainEnvironment,
  type KeychainEnvironment,
} from "../auth/keychain.ts";
import type { RetrierOptions } from "../transport/retry.ts";

/** Calls back at the first Ctrl-C; the returned function stops listening. */
export type OnInterrupt = (callback: () => void) => () => void;

/** The process around a command. */
export interface CliContext {
  /** Text, or bytes as they are. */
  stdout(output: string | Uint8Array): void;
  stderr(text: string): void;
  /** Standard input, whole. */
  stdin(): Promise<Uint8Array>;
  env(name: string): string | undefined;
  /** Whether log lines may be coloured. */
  readonly color: boolean;
  readonly onInterrupt: OnInterrupt;
  readonly keychain: KeychainEnvironment;
  /** Waits between attempts, where not the usual ones. */
  readonly retry?: RetrierOptions;
}

const encoder = new TextEncoder();

function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  output: string | Uint8Array,
): void {
  let bytes: Uint8Array = typeof output === "string"
    ? encoder.encode(output)
    : output;
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    // The reader of a pipe has gone (`| head`): nobody is left to tell.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** The real process. */
export function processContext(): CliContext {
  return {
    stdout: (output) => writeAll(Deno.stdout, output),
    stderr: (text) => writeAll(Deno.stderr, text),
    stdin: async () =>
      new Uint8Array(await new Response(Deno.stdin.readable).arrayBuffer()),
    env: (name) => Deno.env.get(name),
    color: Deno.stderr.isTerminal() && !Deno.env.get("NO_COLOR"),
    onInterrupt,
    keychain: denoKeychainEnvironment(),
  };
}

/** The second signal ends the process where it stands. */
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
