/**
 * Builds hangar's binaries, each with all that it needs:
 *
 *   deno task build [--target TRIPLE]... [--out DIR] [--runtime-dir DIR]
 *
 * The code is bundled and minified first, in parts that are loaded when they are
 * needed: the npm packages as they are would be 30 MB more, and one file would
 * take 80 ms to start. The base runtime of each target comes from DENORT_BIN (the
 * host's own target), from denort-TRIPLE.zip in --runtime-dir, or, without that
 * flag, from where Deno publishes it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { VERSION } from "../src/version.ts";
import { median } from "./measure.ts";
import { smokeTest } from "./smoke_test.ts";
import { V8_FLAGS } from "./v8_flags.ts";

/** Names of the files, by target triple. */
const TARGETS: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "linux-amd64",
  "aarch64-unknown-linux-gnu": "linux-arm64",
  "x86_64-apple-darwin": "darwin-amd64",
  "aarch64-apple-darwin": "darwin-arm64",
};

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
}

function parseArgs(args: readonly string[]): Options {
  const targets: string[] = [];
  let out = "dist";
  let runtimeDir: string | undefined;
  for (let i = 0; i < args.length; i += 2) {
    const [flag, value] = [args[i], args[i + 1]];
    if (value === undefined) throw new BuildError(`${flag} wants a value`);
    if (flag === "--target") targets.push(value);
    else if (flag === "--out") out = value;
    else if (flag === "--runtime-dir") runtimeDir = value;
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
  };
}

async function deno(
  args: readonly string[],
  env: Record<string, string> = {},
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
  return `${denoDir}/dl/release/v${Deno.version.deno}/denort-${target}.zip`;
}

/** The environment to compile for a target in, with its base runtime. */
async function provideRuntime(
  target: string,
  { runtimeDir }: Options,
): Promise<Record<string, string>> {
  const own = Deno.env.get("DENORT_BIN");
  if (own && target === Deno.build.target) return { DENORT_BIN: own };
  // What stands there is the host's.
  const none = { DENORT_BIN: "" };
  if (runtimeDir === undefined) return none;
  const zip = `${runtimeDir}/denort-${target}.zip`;
  try {
    const bytes = await Deno.readFile(zip);
    const place = await runtimeCache(target);
    await Deno.mkdir(place.slice(0, place.lastIndexOf("/")), {
      recursive: true,
    });
    await Deno.writeFile(place, bytes);
  } catch (error) {
    throw new BuildError(
      `no base runtime for ${target}: ${
        error instanceof Error ? error.message : error
      }`,
    );
  }
  return none;
}

async function compile(
  bundle: string,
  target: string,
  options: Options,
): Promise<string> {
  const output = `${options.out}/hangar-${VERSION}-${TARGETS[target]}`;
  const env = await provideRuntime(target, options);
  if (!env["DENORT_BIN"]) delete env["DENORT_BIN"];
  const outer = Deno.env.get("DENORT_BIN");
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
      const file = await compile(bundle, target, options);
      const bytes = await Deno.readFile(file);
      const sum = createHash("sha256").update(bytes).digest("hex");
      sums.push(`${sum}  ${file.slice(options.out.length + 1)}`);
      console.log(`${file}: ${(bytes.length / 1e6).toFixed(1)} MB`);
      if (target === Deno.build.target) {
        const { ran, startMs } = await smokeTest(file, bundle, PERMISSIONS);
        console.log(
          ran
            ? `  smoke test: version and a mirror in an empty environment; it starts in ${
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
    await build(parseArgs(Deno.args));
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(`build: ${error.message}`);
    Deno.exit(1);
  }
  // Node's timers of the smoke test's registries would keep the process.
  Deno.exit(0);
}
