/**
 * Builds hangar's binaries, each with all that it needs:
 *
 *   deno task build [--target TRIPLE]... [--out DIR] [--runtime-dir DIR]
 *                   [--pins FILE] [--unpinned]
 *
 * The code is bundled and minified first, in parts that are loaded when they are
 * needed: the npm packages as they are would be 30 MB more, and one file would
 * take 80 ms to start. The base runtime of each target comes from
 * denort-TRIPLE.zip in --runtime-dir, or, without that flag, from where Deno
 * publishes it, and must have the hash that scripts/runtimes.json pins; with
 * --unpinned, for a build of one's own, it may be any. DENORT_BIN names a base
 * runtime of one's own for the host's target: it is used as it is, and that is
 * said.
 *
 * @module
 */

import { VERSION } from "../src/version.ts";
import { median } from "./measure.ts";
import {
  PinError,
  pinOf,
  type Pins,
  PINS_FILE,
  readPins,
  runtimeName,
  sha256,
  TARGETS,
  verifyRuntime,
} from "./runtimes.ts";
import { smokeTest } from "./smoke_test.ts";
import { V8_FLAGS } from "./v8_flags.ts";

/** What hangar does: registries, lists and credentials, credential helpers. */
export const PERMISSIONS: readonly string[] = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  // The user's id, and the CAs that the system trusts, which has no name here.
  "--allow-sys",
  "--no-prompt",
];

const ENTRY = new URL("../main.ts", import.meta.url).pathname;

class BuildError extends Error {}

interface Options {
  readonly targets: readonly string[];
  readonly out: string;
  readonly runtimeDir?: string;
  /** Which base runtimes may be used; any, where there are none. */
  readonly pins?: Pins;
}

async function parseArgs(args: readonly string[]): Promise<Options> {
  const targets: string[] = [];
  let out = "dist";
  let runtimeDir: string | undefined;
  let pinsFile = PINS_FILE;
  let pinned = true;
  for (let i = 0; i < args.length; i++) {
    const flag = args[i];
    if (flag === "--unpinned") {
      pinned = false;
      continue;
    }
    const value = args[++i];
    if (value === undefined) throw new BuildError(`${flag} wants a value`);
    if (flag === "--target") targets.push(value);
    else if (flag === "--out") out = value;
    else if (flag === "--runtime-dir") runtimeDir = value;
    else if (flag === "--pins") pinsFile = value;
    else throw new BuildError(`unknown flag ${flag}`);
  }
  const unknown = targets.find((target) => !(target in TARGETS));
  if (unknown !== undefined) {
    throw new BuildError(
      `unknown target ${unknown}: want one of ${
        Object.keys(TARGETS).join(", ")
      }`,
    );
  }
  return {
    targets: targets.length > 0 ? targets : Object.keys(TARGETS),
    out,
    runtimeDir,
    pins: pinned ? await readPins(pinsFile) : undefined,
  };
}

async function deno(
  args: readonly string[],
  env: { readonly DENORT_BIN?: string } = {},
): Promise<void> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  const said = new TextDecoder().decode(stderr).trim().split("\n");
  // "Caused by:" says more than the line before it; its first is "Setting up…".
  const causes = said.filter((line) => /^ +\d+: (?!<unknown>)/.test(line))
    .map((line) => line.replace(/^ +\d+: /, ""));
  const first = said.find((line) => line.startsWith("error"))
    ?.replace(/^error:? */, "");
  throw new BuildError(
    causes[1] ?? causes[0] ?? first ?? `deno ${args[0]} failed`,
  );
}

/** Where Deno looks for a base runtime before it downloads one. */
async function runtimeCache(target: string): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    env: { NO_COLOR: "1" },
  }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(stdout));
  return `${denoDir}/dl/release/v${Deno.version.deno}/${runtimeName(target)}`;
}

/** Downloads a base runtime from where Deno publishes it. */
async function download(target: string): Promise<Uint8Array> {
  const url = `https://dl.deno.land/release/v${Deno.version.deno}/${
    runtimeName(target)
  }`;
  const response = await fetch(url);
  if (!response.ok) {
    await response.body?.cancel();
    throw new BuildError(`${url} answers ${response.status}`);
  }
  return await response.bytes();
}

/** What is in Deno's cache, or else what Deno publishes. */
async function published(place: string, target: string): Promise<Uint8Array> {
  try {
    return await Deno.readFile(place);
  } catch {
    return await download(target);
  }
}

/**
 * Puts the base runtime of a target where Deno finds it, once it is known to be
 * the pinned one.
 */
async function provideRuntime(
  target: string,
  { runtimeDir, pins }: Options,
): Promise<void> {
  // Without either, Deno downloads it by itself.
  if (runtimeDir === undefined && pins === undefined) return;
  try {
    const place = await runtimeCache(target);
    let bytes: Uint8Array;
    if (runtimeDir !== undefined) {
      bytes = await Deno.readFile(`${runtimeDir}/${runtimeName(target)}`);
    } else {
      // No download for what cannot be used.
      if (pins) pinOf(pins, target);
      bytes = await published(place, target);
    }
    if (pins) verifyRuntime(pins, target, bytes);
    await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), {
      recursive: true,
    });
    await Deno.writeFile(place, bytes);
  } catch (error) {
    throw new BuildError(
      `no base runtime for ${target}: ${
        error instanceof Error ? error.message : error
      }${
        error instanceof PinError
          ? '; CONTRIBUTING.md ("Releases") says how base runtimes are pinned, and --unpinned builds without'
          : ""
      }`,
    );
  }
}

/**
 * Provides the base runtimes of all targets, before anything is built.
 *
 * @returns the targets that are compiled with DENORT_BIN
 */
async function provideRuntimes(options: Options): Promise<Set<string>> {
  const ownRuntime = new Set<string>();
  for (const target of options.targets) {
    if (Deno.env.get("DENORT_BIN") && target === Deno.build.target) {
      console.error(
        `build: the base runtime of ${target} is that of DENORT_BIN, which is not pinned: not for a release`,
      );
      ownRuntime.add(target);
    } else await provideRuntime(target, options);
  }
  return ownRuntime;
}

async function compile(
  bundle: string,
  target: string,
  options: Options,
  ownRuntime: string | undefined,
): Promise<string> {
  const output = `${options.out}/hangar-${VERSION}-${TARGETS[target]}`;
  const env = ownRuntime === undefined ? {} : { DENORT_BIN: ownRuntime };
  const outer = Deno.env.get("DENORT_BIN");
  // It is the host's, and Deno would take it for every target.
  Deno.env.delete("DENORT_BIN");
  try {
    await deno([
      "compile",
      "--no-check",
      // The bundle stands alone; the name is part of the file.
      ...["--no-config", "--no-lock", "--no-npm", "--app-name", "hangar"],
      ...["--target", target, V8_FLAGS, ...PERMISSIONS],
      ...["--output", output, `${bundle}/main.js`],
    ], env);
  } catch (error) {
    throw new BuildError(
      `cannot build for ${target}: ${
        error instanceof Error ? error.message : error
      }; the base runtime can be given by --runtime-dir, and that of this machine by DENORT_BIN`,
    );
  } finally {
    if (outer !== undefined) Deno.env.set("DENORT_BIN", outer);
  }
  return output;
}

async function build(options: Options): Promise<void> {
  const withOwnRuntime = await provideRuntimes(options);
  await Deno.mkdir(options.out, { recursive: true });
  const directory = await Deno.makeTempDir({ prefix: "hangar-build-" });
  // Its name becomes part of the binaries, and equal builds are to be equal.
  const bundle = `${directory}/hangar`;
  try {
    await deno([
      "bundle",
      "--quiet",
      "--minify",
      "--code-splitting",
      `--outdir=${bundle}`,
      ENTRY,
    ]);
    // The files' times become part of the binaries too.
    for await (const { name } of Deno.readDir(bundle)) {
      await Deno.utime(`${bundle}/${name}`, 0, 0);
    }
    const sums: string[] = [];
    for (const target of options.targets) {
      const file = await compile(
        bundle,
        target,
        options,
        withOwnRuntime.has(target) ? Deno.env.get("DENORT_BIN") : undefined,
      );
      const bytes = await Deno.readFile(file);
      sums.push(`${sha256(bytes)}  ${file.slice(options.out.length + 1)}`);
      console.log(`${file}: ${(bytes.length / 1e6).toFixed(1)} MB`);
      if (target === Deno.build.target) {
        const { ran, startMs } = await smokeTest(file, bundle, PERMISSIONS);
        console.log(
          ran
            ? `  smoke test: version, a mirror and its report, archives and signatures in an empty environment; it starts in ${
              median(startMs).toFixed(0)
            } ms`
            : `  smoke test: the code is embedded; the binary was not run, since its base runtime is deno itself; the code was, and starts in ${
              median(startMs).toFixed(0)
            } ms`,
        );
      }
    }
    await Deno.writeTextFile(
      `${options.out}/SHA256SUMS`,
      sums.map((line) => `${line}\n`).join(""),
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

if (import.meta.main) {
  try {
    await build(await parseArgs(Deno.args));
  } catch (error) {
    if (!(error instanceof BuildError || error instanceof PinError)) {
      throw error;
    }
    console.error(`build: ${error.message}`);
    Deno.exit(1);
  }
  // Node's timers of the smoke test's registries would keep the process.
  Deno.exit(0);
}
