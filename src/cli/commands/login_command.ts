/**
 * `hangar login HOST` and `hangar logout HOST`.
 *
 * @module
 */

import { CredentialStore } from "../../auth/credential_store.ts";
import { Keychain } from "../../auth/keychain.ts";
import { HangarError, invalidFlag, printable } from "../../errors.ts";
import { findCertificates } from "../../machine/certs_d.ts";
import { fileError } from "../../machine/file_error.ts";
import { parseRegistryAddress } from "../../names/address.ts";
import { type LoginOptions, tryAndKeep } from "../../run/destinations/login.ts";
import { ExitCode } from "../../run/exit_code.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { FlagSpec, FlagValues } from "../flags/flags.ts";
import {
  AUTHFILE_FLAG,
  NETWORK_FLAGS,
  reachOptions,
} from "../flags/network_options.ts";

const COMPAT_FLAG: FlagSpec = {
  name: "compat-auth-file",
  type: "string",
  isFile: true,
  insteadOf: ["authfile"],
  help: "docker's config.json, to be changed in place of the auth file",
};

/** `hangar login HOST` */
export const loginCommand: CommandSpec<CliContext> = {
  name: "login",
  summary: "Try credentials for a registry, and keep them",
  usage: ["hangar login HOST [flags]"],
  examples: "hangar login registry.example:5000 -u USER --password-stdin",
  argument: { name: "HOST" },
  flags: [
    ...NETWORK_FLAGS,
    COMPAT_FLAG,
    { name: "username", short: "u", type: "string", help: "user name" },
    { name: "password", short: "p", type: "string", help: "password" },
    {
      name: "password-stdin",
      type: "bool",
      default: false,
      help: "read the password from standard input",
    },
    {
      name: "cert-dir",
      type: "string",
      isFile: true,
      help:
        "directory with the certificates for the registry (*.crt, *.cert, *.key)",
    },
    {
      name: "get-login",
      type: "bool",
      default: false,
      help: "print the user name that is kept for the registry",
    },
    {
      name: "timeout",
      type: "duration",
      default: 0,
      help: "how long the registry may take to answer; 0 for no limit",
    },
    {
      name: "verbose",
      short: "v",
      type: "bool",
      default: false,
      help: "print the auth file that was used, too",
    },
  ],
  run: async (values, context, argument) => {
    const address = parseRegistryAddress(argument, "HOST");
    const { host } = address;
    if (values.bool("get-login")) {
      return await printLogin(host, values, context);
    }
    const options = await loginOptions(values);
    const username = values.string("username") ??
      await ask(context, `Username for ${host}: `, "--username");
    const secret = await passwordOf(values, context, username);
    const kept = await tryAndKeep(
      address,
      { username, secret },
      options,
      context,
      (text, place) => {
        context.stdout(`${text}\n`);
        if (values.bool("verbose")) context.stdout(`Used: ${place}\n`);
      },
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
  flags: [AUTHFILE_FLAG, COMPAT_FLAG, {
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

/** @throws {HangarError} `usage`, or `file` for certificates */
async function loginOptions(values: FlagValues): Promise<LoginOptions> {
  const options = {
    ...reachOptions(values),
    timeoutMs: values.durationMs("timeout"),
    dockerKeys: Boolean(values.string("compat-auth-file")),
  };
  const directory = values.string("cert-dir");
  if (!directory) return options;
  const found = await findCertificates(directory);
  if (!found) throw invalidFlag("--cert-dir", directory, "no such directory");
  return { ...options, certificates: () => Promise.resolve(found) };
}

/** `--get-login` */
async function printLogin(
  host: string,
  values: FlagValues,
  context: CliContext,
): Promise<number> {
  const found = await new Keychain(context.keychain).credentialsFor(host);
  if (found?.username === undefined) {
    throw new HangarError(
      "credentials",
      found
        ? `the credentials for ${host} have no user name, only a token`
        : `there are no credentials for ${host}`,
      { hint: `log in with: hangar login ${host}` },
    );
  }
  context.stdout(`${printable(found.username)}\n`);
  if (values.bool("verbose")) context.stdout(`Used: ${found.origin}\n`);
  return ExitCode.done;
}

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
