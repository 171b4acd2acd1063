/**
 * How registries are reached with a program's options.
 *
 * @module
 */

import { MAX_PER_HOST } from "../transport/request_gate.ts";
import { describeError, HangarError } from "../errors.ts";
import { denoKeychainEnvironment } from "../machine/keychain_environment.ts";
import type { HostCertificates } from "../transport/host_client.ts";
import {
  type ReachOptions,
  type RegistryAccess,
  usersAccess,
} from "../run/network/connect_network.ts";
import type { LogOptions } from "../run/log_console.ts";
import type { CredentialSource } from "../run/network/registry_session.ts";
import type { RunProcess } from "../run/process.ts";
import {
  invalidOption,
  milliseconds,
  refuseTogether,
  wholeNumber,
} from "./check_options.ts";
import { guarded } from "./guarded.ts";
import type {
  CredentialsFunction,
  RegistryCertificates,
  RegistryCredentials,
  RegistryOptions,
} from "./options.ts";

const MAX_RETRY_TIMES = 100;

/**
 * The numbers of the options.
 *
 * @throws {HangarError} `usage`, naming the option
 */
export function reachOf(options: RegistryOptions): ReachOptions & LogOptions {
  const { maxPerHost, stallTimeoutMs, retry = {} } = options;
  return {
    maxPerHost: wholeNumber("maxPerHost", maxPerHost, {
      fallback: MAX_PER_HOST,
      min: 1,
      max: Infinity,
    }),
    retryTimes: retry.times === undefined
      ? undefined
      : wholeNumber("retry.times", retry.times, {
        fallback: 0,
        min: 0,
        max: MAX_RETRY_TIMES,
      }),
    retryDelayMs: milliseconds("retry.delayMs", retry.delayMs, 500),
    stallTimeoutMs: milliseconds("stallTimeoutMs", stallTimeoutMs, 60_000),
    tlsVerify: options.tlsVerify,
    debug: false,
    logFormat: "text",
  };
}

/** A process without a terminal, whose log goes to the program. */
export function processOf({ signal, onLog }: RegistryOptions): RunProcess {
  const keychain = denoKeychainEnvironment();
  const log = onLog && guarded(onLog);
  return {
    stdout: () => {},
    stderr: (text) => log?.(text.trimEnd()),
    stdin: () => Promise.resolve(new Uint8Array()),
    env: keychain.env,
    prompt: () => Promise.resolve(undefined),
    color: false,
    onInterrupt: (callback) => {
      if (signal?.aborted) callback();
      signal?.addEventListener("abort", callback, { once: true });
      return () => signal?.removeEventListener("abort", callback);
    },
    keychain,
  };
}

/**
 * The parts of the user's own access that the options replace.
 *
 * @throws {HangarError} `usage`, naming options that contradict each other
 */
export function accessOf(
  options: RegistryOptions,
  process: RunProcess,
): RegistryAccess {
  for (const option of ["certificates", "caCertificates"]) {
    refuseTogether(
      { ...options },
      "fetch",
      option,
      "a fetch of one's own has its own certificates",
    );
  }
  const { credentials, fetch, certificates = {}, caCertificates = [] } =
    options;
  const user = usersAccess(process);
  const named = new Map(Object.entries(certificates));
  return {
    ...user,
    fetch,
    credentials: credentials === undefined
      ? user.credentials
      : credentialSource(credentials),
    certificates: async (host) =>
      certificatesOf(named.get(host)) ?? await user.certificates(host),
    systemCertificates: async () => [
      ...await user.systemCertificates(),
      ...caCertificates,
    ],
  };
}

function certificatesOf(
  given: RegistryCertificates | undefined,
): HostCertificates | undefined {
  return given && { ca: given.ca ?? [], client: given.client };
}

function credentialSource(
  find: CredentialsFunction | false,
): CredentialSource {
  if (find === false) {
    return { credentialsFor: () => Promise.resolve(undefined) };
  }
  return {
    credentialsFor: async (host, repository) => {
      const found = await ask(find, host, repository);
      if (found === undefined) return undefined;
      const origin = "the credentials option";
      if ("identityToken" in found) {
        const { identityToken } = found;
        if (typeof identityToken === "string" && identityToken !== "") {
          return { identityToken, origin };
        }
      } else {
        const { username, password } = found;
        if (typeof username === "string" && typeof password === "string") {
          return { username, password, origin };
        }
      }
      throw invalidOption(
        "credentials",
        found,
        `want { username, password } or { identityToken } for ${host}`,
      );
    },
  };
}

async function ask(
  find: CredentialsFunction,
  host: string,
  repository: string | undefined,
): Promise<RegistryCredentials | undefined> {
  try {
    return await find(host, repository) ?? undefined;
  } catch (cause) {
    throw new HangarError(
      "credentials",
      `the credentials option failed for ${host}: ${describeError(cause)}`,
      { cause },
    );
  }
}
