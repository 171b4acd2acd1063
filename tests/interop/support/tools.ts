/**
 * The programs that interop tests need, and how they are run.
 *
 * @module
 */

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/**
 * The path of a program, `undefined` when it is not installed.
 *
 * @throws {Error} when it is not installed and `HANGAR_REQUIRE_INTEROP=1`:
 * where interop is promised, a skipped test must not look like a passed one
 */
export function requireTool(name: string): string | undefined {
  const directories = (Deno.env.get("PATH") ?? "").split(":");
  const found = directories.filter((directory) => directory !== "")
    .map((directory) => `${directory}/${name}`).find(isFile);
  if (
    found === undefined && Deno.env.get("HANGAR_REQUIRE_INTEROP") === "1"
  ) {
    throw new Error(
      `${name} is not installed, and HANGAR_REQUIRE_INTEROP=1 wants it`,
    );
  }
  return found;
}

/**
 * Whether interop tests are to be left out, for `Deno.test({ ignore })`: a
 * program that they need is not installed.
 */
export const interopIgnored: boolean = [
  "docker-registry",
  "skopeo",
  "htpasswd",
  "openssl",
  "curl",
  "gpg",
  "tinyproxy",
].some((name) => requireTool(name) === undefined);

/**
 * The path of a program that is welcome but not required, where
 * `HANGAR_GO_INTEROP=1` says that Go's programs take part.
 */
export function optionalTool(name: string): string | undefined {
  if (Deno.env.get("HANGAR_GO_INTEROP") !== "1") return undefined;
  return (Deno.env.get("PATH") ?? "").split(":").filter(Boolean)
    .map((directory) => `${directory}/${name}`).find(isFile);
}

/** The path of Go. */
export function requireGo(): string | undefined {
  return optionalTool("go");
}

/** What a program did. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@linkcode run}. */
export interface RunOptions {
  /** Variables besides those of this process. */
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/** Runs a program to its end; whatever its exit code, that is no error. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    stdin: "null",
    ...options,
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

/** Like {@linkcode run}, where anything but success is an error. */
export async function runChecked(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) {
    throw new Error(`${command} ${args[0]} ended with ${code}: ${stderr}`);
  }
  return stdout;
}

/** Runs skopeo, with a policy that accepts everything. */
export function skopeo(
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return run("skopeo", ["--insecure-policy", ...args], options);
}
