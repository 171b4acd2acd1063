/**
 * Logging in: credentials are tried before they are kept.
 *
 * @module
 */

import type { RegistryAddress } from "../../names/address.ts";
import { CredentialStore } from "../../auth/credential_store.ts";
import { HangarError } from "../../errors.ts";
import { loadRoutes } from "../../machine/registries_files.ts";
import type {
  ReachOptions,
  RegistryAccess,
} from "../network/connect_network.ts";
import { ExitCode } from "../exit_code.ts";
import type { LogOptions } from "../log_console.ts";
import type { Prompt } from "../process.ts";
import { type NetworkProcess, withNetwork } from "../network/with_network.ts";

/** A user name and its password or token. */
export interface Login {
  readonly username: string;
  readonly secret: string;
}

/** How credentials are tried, and where they are kept. */
export interface LoginOptions extends ReachOptions, LogOptions {
  /** As in {@linkcode CredentialStore}. @default {false} */
  readonly dockerKeys?: boolean;
  /** The certificates, in place of those of `certs.d`. */
  readonly certificates?: RegistryAccess["certificates"];
}

/**
 * Tries credentials, and keeps them when the registry accepts them; false when
 * the user interrupted that.
 *
 * @param announce called with a text that says where they were kept, and whether
 * they could be tried; and with that place
 * @throws {HangarError} `usage` when the registry refuses them
 */
export async function tryAndKeep(
  address: RegistryAddress,
  login: Login,
  options: LoginOptions,
  process: NetworkProcess,
  announce: (text: string, place: string) => void,
): Promise<boolean> {
  const { certificates, dockerKeys } = options;
  const { host } = address;
  const { username, secret } = login;
  if (username === "" || secret === "") {
    throw new HangarError("usage", "user name and password must not be empty");
  }
  const credentials = {
    credentialsFor: () =>
      Promise.resolve({ username, password: secret, origin: "login" }),
  };
  const routes = await loadRoutes(process.env);
  const registry = routes?.registry(address) ?? address;
  const code = await withNetwork(options, process, address, async (network) => {
    const state = await network.tryLogin(registry);
    if (state === "refused" || state === "missing") {
      throw new HangarError(
        "usage",
        `${host} refuses the credentials of ${username}; nothing was kept`,
      );
    }
    const store = new CredentialStore(process.keychain, { dockerKeys });
    const place = await store.save(host, login);
    const what = state === "open"
      ? `${host} asks for no credentials, and did not refuse these`
      : "Login succeeded";
    announce(`${what}; kept in ${place}`, place);
    return ExitCode.done;
  }, { credentials, ...certificates && { certificates } });
  return code === ExitCode.done;
}

/**
 * Asks for a user name and a password; undefined where there is no terminal to
 * ask on.
 */
export async function askForLogin(
  question: string,
  prompt: Prompt,
): Promise<Login | undefined> {
  const username = await prompt(question);
  if (username === undefined) return undefined;
  const secret = await prompt(`Password for ${username}: `, { secret: true });
  return secret === undefined ? undefined : { username, secret };
}
