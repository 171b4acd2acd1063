/**
 * Pins the base runtimes of this version of Deno for `deno task build`:
 *
 *   deno run -A scripts/pin_runtimes.ts --from DIR [--out FILE]
 *   deno run -A scripts/pin_runtimes.ts --check
 *
 * DIR holds `denort-TRIPLE.zip` of every target, and beside each the
 * `.sha256sum` that Deno publishes with it; both are compared. `--check` says
 * whether every target is pinned, and writes nothing.
 *
 * @module
 */

import {
  PinError,
  pinOf,
  PINS_FILE,
  readPins,
  runtimeName,
  sha256,
  TARGETS,
} from "./runtimes.ts";

async function read(path: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new PinError(`${path} is not there`);
    }
    throw error;
  }
}

/** The hashes of the base runtimes in a directory, by target. */
async function hashesOf(directory: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const target of Object.keys(TARGETS)) {
    const zip = `${directory}/${runtimeName(target)}`;
    const hash = sha256(await read(zip));
    const sums = new TextDecoder().decode(await read(`${zip}.sha256sum`));
    // "HASH  NAME", or the output of PowerShell where Deno built on Windows.
    const published = /\b[0-9a-fA-F]{64}\b/.exec(sums)?.[0]?.toLowerCase();
    if (published !== hash) {
      throw new PinError(
        `${zip} has the SHA-256 ${hash}, and its .sha256sum says ${
          published ?? "none"
        }`,
      );
    }
    hashes[target] = hash;
  }
  return hashes;
}

async function check(file: string): Promise<void> {
  const pins = await readPins(file);
  for (const target of Object.keys(TARGETS)) pinOf(pins, target);
  console.log(`Every base runtime of Deno ${pins.deno} is pinned`);
}

async function pin(directory: string, file: string): Promise<void> {
  const pins = {
    deno: Deno.version.deno,
    sha256: await hashesOf(directory),
  };
  await Deno.writeTextFile(file, `${JSON.stringify(pins, null, 2)}\n`);
  console.log(`${file}: pinned the base runtimes of Deno ${pins.deno}`);
}

async function main(args: readonly string[]): Promise<void> {
  let from: string | undefined;
  let file = PINS_FILE;
  let checks = false;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--check") checks = true;
    else if (args[i] === "--from" && args[i + 1]) from = args[++i];
    else if (args[i] === "--out" && args[i + 1]) file = args[++i]!;
    else throw new PinError(`cannot read ${args[i]}`);
  }
  if (checks) return await check(file);
  if (from === undefined) throw new PinError("--from DIR is missing");
  await pin(from, file);
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof PinError)) throw error;
    console.error(
      `pin_runtimes: ${error.message}; CONTRIBUTING.md ("Releases") says how base runtimes are pinned`,
    );
    Deno.exit(1);
  }
}
