/**
 * The flags that say how registries are reached, and what they come to.
 *
 * @module
 */

import { Keychain } from "../auth/keychain.ts";
import { describeError, HangarError } from "../errors.ts";
import type { RegistryAddress } from "../names/reference.ts";
import { redactUrl } from "../transport/fault.ts";
import type { RequestObserver } from "../transport/transport.ts";
import { caCertificates, certsDirectories } from "./certs_d.ts";
import type { CliContext } from "./context.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";
import { type CredentialSource, Network } from "./wire.ts";

/** Flags of every command that speaks to registries. */
export const NETWORK_FLAGS: readonly FlagSpec[] = [
  {
    name: "max-per-host",
    type: "int",
    default: 6,
    help: "requests under way at one registry host",
  },
  {
    name: "tls-verify",
    type: "bool",
    help: "require HTTPS and verify certificates",
  },
];

/** What the flags of {@linkcode NETWORK_FLAGS} come to. */
export interface ReachOptions {
  readonly maxPerHost: number;
  readonly tlsVerify?: boolean;
  readonly debug: boolean;
}

/** Writes what happens on the network. */
export interface NetworkLog {
  debug(message: string): void;
  warn(message: string): void;
}

/**
 * Reads the flags.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function reachOptions(values: FlagValues): ReachOptions {
  const maxPerHost = values.int("max-per-host");
  if (maxPerHost < 1) {
    throw new HangarError(
      "usage",
      `invalid value "${maxPerHost}" for --max-per-host: want at least 1`,
    );
  }
  return {
    maxPerHost,
    tlsVerify: values.optionalBool("tls-verify"),
    debug: values.bool("debug"),
  };
}

/** The registries, reached as the flags and the user's files say. */
export function connectNetwork(
  options: ReachOptions,
  addresses: readonly (RegistryAddress | undefined)[],
  context: CliContext,
  log: NetworkLog,
  signal: AbortSignal,
  credentials: CredentialSource = new Keychain(context.keychain),
): Network {
  const schemes = new Map<string, "http" | "https">();
  for (const address of addresses) {
    if (address?.scheme) schemes.set(address.host, address.scheme);
  }
  const directories = certsDirectories((name) => context.env(name));
  return new Network({
    tlsVerify: options.tlsVerify,
    maxPerHost: options.maxPerHost,
    credentials,
    caCertificates: (host) => caCertificates(host, directories),
    observer: observe(options.debug, log),
    retry: context.retry,
    schemes,
    signal,
  });
}

function observe(debug: boolean, log: NetworkLog): RequestObserver {
  return {
    onResponse: debug
      ? (method, url, status, ms) =>
        log.debug(
          `${method} ${redactUrl(url)} ${status} (${ms.toFixed(0)} ms)`,
        )
      : undefined,
    onRetry: (method, url, delayMs, error) =>
      log.warn(
        `${method} ${redactUrl(url)}: ${
          typeof error === "number" ? error : describeError(error)
        }; next attempt in ${(delayMs / 1000).toFixed(1)} s`,
      ),
  };
}
