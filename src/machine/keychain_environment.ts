/**
 * What a keychain needs from the machine, as Deno gives it.
 *
 * @module
 */

import type { KeychainEnvironment } from "../auth/keychain.ts";
import { isAbsent, whyNoFile } from "./file_error.ts";
import { replaceFile } from "./replace_file.ts";

/** How long a helper may take, in ms: some ask the user. */
const HELPER_TIMEOUT_MS = 60_000;

/**
 * The machine, for a keychain.
 *
 * @param variables more variables for the environment of helpers
 */
export function denoKeychainEnvironment(
  variables: Readonly<Record<string, string>> = {},
): KeychainEnvironment {
  return {
    env: (name) => Deno.env.get(name),
    uid: () => Deno.uid() ?? undefined,
    readTextFile,
    writeSecretFile,
    runHelper: (program, action, input) =>
      runHelper(program, action, input, variables),
  };
}

async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw new Error(whyNoFile(cause), { cause });
  }
}

async function writeSecretFile(path: string, text: string): Promise<void> {
  const slash = path.lastIndexOf("/");
  try {
    if (slash > 0) {
      await Deno.mkdir(path.slice(0, slash), { recursive: true, mode: 0o700 });
    }
    await replaceFile(path, [text], { mode: 0o600, followLink: true });
  } catch (cause) {
    throw new Error(whyNoFile(cause, true), { cause });
  }
}

async function runHelper(
  program: string,
  action: string,
  input: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly stdout: string }> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), HELPER_TIMEOUT_MS);
  try {
    const child = new Deno.Command(program, {
      args: [action],
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
      signal: timeout.signal,
    }).spawn();
    const writer = child.stdin.getWriter();
    // A helper may end without reading its input. Its exit code counts.
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
    const { code, stdout } = await child.output();
    if (timeout.signal.aborted) {
      throw new Error(`no answer within ${HELPER_TIMEOUT_MS / 1000} s`);
    }
    return { code, stdout: new TextDecoder().decode(stdout) };
  } finally {
    clearTimeout(timer);
  }
}
