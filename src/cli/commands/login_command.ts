/**
 * `hangar login HOST` and `hangar logout HOST`.
 *
 * @module
 */

import { parseRegistryAddress } from "../../names/address.ts";
import { CredentialStore } from "../../auth/credential_store.ts";
import { HangarError } from "../../errors.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import type { FlagValues } from "../flags/flags.ts";
import { fileError } from "../../machine/file_error.ts";
import { tryAndKeep } from "../../run/destinations/login.ts";
import { ExitCode } from "../../run/exit_code.ts";
import {
  AUTHFILE_FLAG,
  NETWORK_FLAGS,
  reachOptions,
} from "../flags/network_options.ts";

/** `hangar login HOST` */
export const loginCommand: CommandSpec<CliContext> = {
  name: "login",
  summary: "Try credentials for a registry, and keep them",
  usage: ["hangar login HOST [flags]"],
  examples: "hangar login registry.example:5000 -u USER --password-stdin",
  argument: { name: "HOST" },
  flags: [
    ...NETWORK_FLAGS,
    { name: "username", short: "u", type: "string", help: "user name" },
    { name: "password", short: "p", type: "string", help: "password" },
    {
      name: "password-stdin",
      type: "bool",
      default: false,
      help: "read the password from standard input",
    },
  ],
  run: async (values, context, argument) => {
    const address = parseRegistryAddress(argument, "HOST");
    const { host } = address;
    const username = values.string("username") ??
      await ask(context, `Username for ${host}: `, "--username");
    const secret = await passwordOf(values, context, username);
    const kept = await tryAndKeep(
      address,
      { username, secret },
      reachOptions(values),
      context,
      (text) => context.stdout(`${text}\n`),
    );
    return kept ? ExitCode.done : ExitCode.interrupted;
  },
};

/** `hangar logout HOST` */
export const logoutCommand: CommandSpec<CliContext> = {
  name: "logout",
  summary: "Forget the credentials for a registry",
  usage: ["hangar logout HOST", "hangar logout --all"],
  argument: { name: "HOST", optional: true },
  flags: [AUTHFILE_FLAG, {
    name: "all",
    short: "a",
    type: "bool",
    default: false,
    help: "forget the credentials for every registry in the auth files",
  }],
  run: async (values, context, argument) => {
    const all = values.bool("all");
    if (all === (argument !== "")) {
      throw new HangarError("usage", "want either HOST or --all");
    }
    const store = new CredentialStore(context.keychain);
    const host = all ? "" : parseRegistryAddress(argument, "HOST").host;
    const places = all ? await store.forgetAll() : await store.forget(host);
    if (places.length === 0 && !all) {
      throw new HangarError(
        "credentials",
        `there are no credentials for ${host}`,
      );
    }
    for (const place of places) context.stdout(`Removed from ${place}\n`);
    return 0;
  },
};

async function passwordOf(
  values: FlagValues,
  context: CliContext,
  username: string,
): Promise<string> {
  const given = values.string("password");
  if (!values.bool("password-stdin")) {
    return given ??
      await ask(context, `Password for ${username}: `, "--password-stdin", {
        secret: true,
      });
  }
  if (given !== undefined) {
    throw new HangarError(
      "usage",
      "--password and --password-stdin contradict each other",
    );
  }
  const bytes = await context.stdin().catch((cause) => {
    throw fileError("read", "standard input", cause);
  });
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, "");
}

async function ask(
  context: CliContext,
  question: string,
  flag: string,
  options: { readonly secret?: boolean } = {},
): Promise<string> {
  const answer = await context.prompt(question, options);
  if (answer !== undefined) return answer;
  throw new HangarError("usage", `${flag} is missing`, {
    hint: "there is no terminal to ask on",
  });
}
