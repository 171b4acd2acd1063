/**
 * What the flags and the environment change for every command.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { readUserFile } from "../machine/user_file.ts";
import { consoleFor } from "../run/log_console.ts";
import type { CliContext } from "./context.ts";
import type { FlagSpec, FlagValues } from "./flags/flags.ts";
import { misspeltVariables } from "./flags/flag_variables.ts";
import { logOptions } from "./flags/network_options.ts";

/** The variable that names the auth file, to podman and skopeo too. */
const AUTH_FILE = "REGISTRY_AUTH_FILE";

/** The commands that make an auth file where there is none. */
const WRITERS = ["hangar login", "hangar logout"];

/**
 * The context for a command: warns of variables that are probably typos, and
 * hands `--authfile` on as the variable that stands for it.
 *
 * @throws {HangarError} `usage` when the flags contradict each other, or name no
 * auth file
 */
export async function prepareContext(
  values: FlagValues,
  context: CliContext,
  command: {
    /** Such as `hangar login`. */
    readonly path: string;
    /** Those of all commands. */
    readonly allFlags: readonly FlagSpec[];
  },
): Promise<CliContext> {
  const console = consoleFor(logOptions(values), context);
  const names = context.envNames?.() ?? [];
  for (const text of misspeltVariables(names, command.allFlags)) {
    console.warn(text);
  }
  const authFile = authFileOf(values);
  if (authFile === undefined) return context;
  if (!WRITERS.includes(command.path)) {
    // Without this, a typo would look like missing credentials.
    await readUserFile({ path: authFile, option: "--authfile" });
  }
  const env = (name: string) =>
    name === AUTH_FILE ? authFile : context.env(name);
  return { ...context, env, keychain: { ...context.keychain, env } };
}

/** @throws {HangarError} `usage` when two files are named */
function authFileOf(values: FlagValues): string | undefined {
  const [file, docker] = ["authfile", "compat-auth-file"].map((name) =>
    values.takes(name) ? values.string(name) || undefined : undefined
  );
  if (file !== undefined && docker !== undefined) {
    throw new HangarError(
      "usage",
      "--authfile and --compat-auth-file name two files: give one of them",
    );
  }
  return file ?? docker;
}
