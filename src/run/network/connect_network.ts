/**
 * Connects to registries as the user or a program says.
 *
 * @module
 */

import { Keychain } from "../../auth/keychain.ts";
import {
  certsDirectories,
  hostCertificates,
  systemCertificates,
} from "../../machine/certs_d.ts";
import type { RegistryAddress } from "../../names/address.ts";
import type { VerifyMode } from "../../oci/digest.ts";
import type {
  FetchFunction,
  HostCertificates,
} from "../../transport/host_client.ts";
import { type Proxy, ProxyRules } from "../../transport/proxy/proxies.ts";
import type { RetrierOptions } from "../../transport/retry.ts";
import type { ListSettings } from "../../lists/image_list.ts";
import { hostSettings } from "./host_settings.ts";
import { Network } from "./network.ts";
import { type NetworkLog, observe } from "./observe.ts";
import type { UserSettings } from "../process.ts";
import type { CredentialSource } from "./registry_session.ts";

/** How registries are reached. */
export interface ReachOptions {
  /** The most requests under way at one host. */
  readonly maxPerHost: number;
  /** How often a step is tried again; undefined for what suits the host. */
  readonly retryTimes?: number;
  /** Before the first retry, in ms. */
  readonly retryDelayMs: number;
  /**
   * A transfer is given up after this time without a byte, in ms; 0 for no
   * limit.
   */
  readonly stallTimeoutMs: number;
  /**
   * `true` requires HTTPS and valid certificates, `false` neither.
   *
   * @default {valid HTTPS, but plain HTTP on loopback}
   */
  readonly tlsVerify?: boolean;
  /** Who checks the digests of large blobs. @default {"auto"} */
  readonly verify?: VerifyMode;
  /** Whether every request is logged. */
  readonly debug: boolean;
  /** How long the check of one login may take, in ms. @default {no limit} */
  readonly timeoutMs?: number;
}

/** The credentials, certificates and proxies that reach registries. */
export interface RegistryAccess {
  readonly credentials: CredentialSource;
  /** The certificates for `host[:port]`. */
  readonly certificates: (host: string) => Promise<HostCertificates>;
  /** CAs (PEM) that the system trusts. */
  readonly systemCertificates: () => Promise<readonly string[]>;
  readonly proxyFor: (url: URL) => Proxy | undefined;
  /**
   * Sends every request. It must then take care of certificates and proxies
   * itself.
   */
  readonly fetch?: FetchFunction;
  readonly retry?: RetrierOptions;
  /** From which size on blobs are large for `verify`, in bytes. */
  readonly verifyFromBytes?: number;
}

/**
 * The user's own access: auth files and helpers, `certs.d`, proxy variables.
 *
 * @throws {HangarError} `usage` when a proxy variable is not the URL of a proxy
 */
export function usersAccess(
  { env, keychain, retry, verifyFromBytes }: UserSettings,
): RegistryAccess {
  const proxies = new ProxyRules(env);
  const directories = certsDirectories(env);
  return {
    credentials: new Keychain(keychain),
    certificates: (host) => hostCertificates(host, directories),
    systemCertificates: () => systemCertificates(env),
    proxyFor: (url) => proxies.proxyFor(url),
    retry,
    verifyFromBytes,
  };
}

/**
 * Connects; disposing of the network ends its connections.
 *
 * @param addresses registries that the user may have written a scheme before
 * @param signal ends all work that is under way
 * @param settings what a list says of registries
 */
export function connectNetwork(
  options: ReachOptions,
  addresses: readonly (RegistryAddress | undefined)[],
  access: RegistryAccess,
  log: NetworkLog,
  signal: AbortSignal,
  settings?: ListSettings,
): Network {
  const schemes = new Map<string, "http" | "https">();
  for (const address of addresses) {
    if (address?.scheme) schemes.set(address.host, address.scheme);
  }
  const { retry, ...ways } = access;
  return new Network({
    ...ways,
    hosts: hostSettings(settings),
    userAgent: settings?.userAgent,
    tlsVerify: options.tlsVerify,
    maxPerHost: options.maxPerHost,
    verify: options.verify,
    observer: observe(options.debug, log),
    stallTimeoutMs: options.stallTimeoutMs || Infinity,
    loginTimeoutMs: options.timeoutMs,
    retry: {
      attempts: options.retryTimes === undefined
        ? undefined
        : options.retryTimes + 1,
      baseDelayMs: options.retryDelayMs,
      ...retry,
    },
    schemes,
    signal,
  });
}
