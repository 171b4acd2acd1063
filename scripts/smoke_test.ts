/**
 * Whether a binary works where nothing else is: an empty environment, no Deno,
 * two registries on loopback.
 *
 * @module
 */

import { FakeRegistry } from "../tests/support/fake_registry.ts";
import { makeMultiArch } from "../tests/support/images.ts";
import { VERSION } from "../src/version.ts";
import { type CommandResult, runCommands } from "./smoke_commands.ts";

const STARTS = 10;

/** What came of a smoke test. */
export interface SmokeResult {
  /** Whether the binary itself was run: not where its runtime is all of Deno. */
  readonly ran: boolean;
  /** How long `version` took, in ms. */
  readonly startMs: readonly number[];
}

/** Something of the code that a bundle keeps as it is. */
const MARK = "Mirror container images between registries";

/**
 * Runs a binary. Where its base runtime is the `deno` executable, which does not
 * run what it carries, it is looked into, and the code is run by Deno instead.
 *
 * @param bundle the directory with the code that was embedded
 * @throws {Error} when it does not do what it should
 */
export async function smokeTest(
  file: string,
  bundle: string,
  permissions: readonly string[],
): Promise<SmokeResult> {
  const ran = !await isDeno(file);
  if (!ran) checkEmbedding(await Deno.readFile(file), bundle);
  const command = ran
    ? [file]
    : [Deno.execPath(), "run", ...permissions, `${bundle}/main.js`];
  const startMs: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const began = performance.now();
    const { code, text } = await run(command, ["version"]);
    startMs.push(performance.now() - began);
    if (code !== 0 || !text.includes(`hangar ${VERSION}`)) {
      throw new Error(`${file} version: exit ${code}: ${text}`);
    }
  }
  await mirror(command);
  await runCommands((args, directory) => run(command, args, directory));
  return { ran, startMs };
}

async function isDeno(file: string): Promise<boolean> {
  const { text } = await run([file], ["--version"]);
  return /^deno \d/.test(text);
}

function checkEmbedding(bytes: Uint8Array, bundle: string): void {
  const encoder = new TextEncoder();
  for (const text of [MARK, VERSION]) {
    if (!includes(bytes, encoder.encode(text))) {
      throw new Error(`the code of ${bundle} is not embedded: no "${text}"`);
    }
  }
}

function includes(bytes: Uint8Array, wanted: Uint8Array): boolean {
  const [first = 0] = wanted;
  for (let at = bytes.indexOf(first); at >= 0;) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
    at = bytes.indexOf(first, at + 1);
  }
  return false;
}

async function mirror(command: readonly string[]): Promise<void> {
  const source = FakeRegistry.start();
  const destination = FakeRegistry.start();
  const directory = await Deno.makeTempDir();
  try {
    const app = makeMultiArch("app", { layers: [1_000_000, 500] });
    source.install("corp/app", "v1", app);
    await Deno.writeTextFile(`${directory}/images.txt`, "corp/app:v1\n");
    const args = [
      "mirror",
      `--file=${directory}/images.txt`,
      `--source=${source.host}`,
      `--destination=${destination.host}`,
      `--failed=${directory}/failed.txt`,
    ];
    const { code, text } = await run(command, args);
    if (code !== 0 || destination.digestOf("corp/app", "v1") !== app.digest) {
      throw new Error(`mirror: exit ${code}: ${text}`);
    }
  } finally {
    await source[Symbol.asyncDispose]();
    await destination[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(
  [program = "", ...words]: readonly string[],
  args: readonly string[],
  cwd?: string,
): Promise<CommandResult> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, ...args],
    cwd,
    clearEnv: true,
    env: cwd === undefined
      ? {}
      : { HOME: cwd, XDG_RUNTIME_DIR: cwd, COSIGN_PASSWORD: "smoke" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}
