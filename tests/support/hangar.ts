/**
 * The whole command line, run in this process.
 *
 * @module
 */

import { runCli } from "../../src/cli/root.ts";
import { denoKeychainEnvironment } from "../../src/machine/keychain_environment.ts";
import { verifyWay } from "./verify_way.ts";
import type { RetrierOptions } from "../../src/transport/retry.ts";

/** What a run printed, and its exit code. */
export interface HangarResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@linkcode hangar}. */
export interface HangarOptions {
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array | (() => Promise<Uint8Array>);
  /** @default short waits */
  readonly retry?: RetrierOptions;
  /** From which size on blobs may pass that the destination checks. */
  readonly verifyFromBytes?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** What the user types when asked; nobody is there without it. */
  readonly answers?: (question: string) => string | undefined;
  /** Called with what interrupts the run, as Ctrl-C does. */
  readonly onStart?: (interrupt: () => void) => void;
  /** Standard error is a terminal of this size. */
  readonly terminal?: { readonly columns: number; readonly rows: number };
  /** Sees each piece of standard error as it is written. */
  readonly onStderr?: (text: string) => void;
}

/** Runs hangar with arguments. */
export async function hangar(
  args: readonly string[],
  options: HangarOptions = {},
): Promise<HangarResult> {
  let stdout = "";
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let stderr = "";
  const env = (name: string) => options.env?.[name];
  const { stdin = "" } = options;
  const way = verifyWay();
  const isMirror = args[0] === "mirror" && args[1] !== "validate";
  const isChosen = args.some((arg) => arg.startsWith("--verify="));
  const flags = way && isMirror && !isChosen ? [`--verify=${way}`] : [];
  const code = await runCli([...args, ...flags], {
    stdout: (output) => {
      stdout += typeof output === "string" ? output : decoder.decode(output);
    },
    stderr: (text) => {
      stderr += text;
      options.onStderr?.(text);
    },
    stdin: typeof stdin === "function" ? stdin : () =>
      Promise.resolve(
        typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin,
      ),
    env,
    envNames: () => Object.keys(options.env ?? {}),
    prompt: (question) => Promise.resolve(options.answers?.(question)),
    color: false,
    terminalSize: options.terminal && (() => options.terminal!),
    onInterrupt: (callback) => {
      options.onStart?.(callback);
      return () => {};
    },
    now: options.now,
    keychain: { ...denoKeychainEnvironment(), env },
    verifyFromBytes: options.verifyFromBytes ?? (way && 0),
    retry: options.retry ?? { baseDelayMs: 5, attempts: 3 },
  });
  return { code, stdout, stderr };
}
