/**
 * The flags that say how registries are reached, and what they come to.
 *
 * @module
 */

import type { RegistryAddress } from "../../names/address.ts";
import { Keychain } from "../../auth/keychain.ts";
import { describeError, invalidFlag } from "../../errors.ts";
import { redactUrl } from "../../transport/redact_url.ts";
import { counted } from "../../counted.ts";
import { Console, type LogFormat } from "../../report/console.ts";
import { formatDuration } from "../../report/format.ts";
import { ProxyRules } from "../../transport/proxies.ts";
import { isTemporaryStatus } from "../../transport/retry.ts";
import type { RequestObserver } from "../../transport/transport.ts";
import {
  certsDirectories,
  hostCertificates,
  systemCertificates,
} from "../../machine/certs_d.ts";
import type { CliContext } from "../context.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";
import { type CredentialSource, Network } from "../../run/network.ts";

/** Flags of every command that speaks to registries. */
export const NETWORK_FLAGS: readonly FlagSpec[] = [
  {
    name: "max-per-host",
    type: "int",
    default: 6,
    help: "requests at the same time to one registry host",
  },
  {
    name: "retry-times",
    type: "int",
    default: 4,
    help:
      "how often a step is tried again after a temporary failure (by default 9 times at a host that answers other requests)",
  },
  {
    name: "retry-delay",
    type: "duration",
    default: "500ms",
    help: "wait before the first retry; each further one is twice as long",
  },
  {
    name: "stall-timeout",
    type: "duration",
    default: "1m0s",
    help: "give up and retry a transfer that makes no progress for this long",
  },
  {
    name: "tls-verify",
    type: "bool",
    help: "require HTTPS and verify certificates",
  },
];

const MAX_RETRY_TIMES = 100;

/** What the flags of {@linkcode NETWORK_FLAGS} come to. */
export interface ReachOptions {
  readonly maxPerHost: number;
  /** Undefined for the default, which depends on the host. */
  readonly retryTimes?: number;
  readonly retryDelayMs: number;
  /** 0 for no limit. */
  readonly stallTimeoutMs: number;
  readonly tlsVerify?: boolean;
  readonly debug: boolean;
  readonly logFormat: LogFormat;
  /** `--timeout`, where the command has it: for a login check too, in ms. */
  readonly timeoutMs?: number;
}

/** Writes what happens on the network. */
export interface NetworkLog {
  /** A request goes out. */
  request?(): void;
  /** A host answers, and not by a fault that may pass. */
  answered?(host: string): void;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  /** A retry; told as a warning where this is not there. */
  retry?(message: string): void;
}

/**
 * Reads the flags.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function reachOptions(values: FlagValues): ReachOptions {
  const maxPerHost = values.int("max-per-host");
  if (maxPerHost < 1) {
    throw invalidFlag("--max-per-host", maxPerHost, "want at least 1");
  }
  const retryTimes = values.int("retry-times");
  if (retryTimes < 0 || retryTimes > MAX_RETRY_TIMES) {
    throw invalidFlag(
      "--retry-times",
      retryTimes,
      `want 0 to ${MAX_RETRY_TIMES}`,
    );
  }
  return {
    maxPerHost,
    retryTimes: values.given("retry-times") ? retryTimes : undefined,
    retryDelayMs: values.durationMs("retry-delay"),
    stallTimeoutMs: values.durationMs("stall-timeout"),
    tlsVerify: values.optionalBool("tls-verify"),
    debug: values.bool("debug"),
    logFormat: logFormatOf(values),
  };
}

/** What `--log-format` asks for. */
export function logFormatOf(values: FlagValues): LogFormat {
  return values.string("log-format") === "json" ? "json" : "text";
}

/** The log of a command. */
export function consoleFor(
  options: Pick<ReachOptions, "debug" | "logFormat">,
  context: Pick<CliContext, "stderr" | "color">,
): Console {
  return new Console((text) => context.stderr(text), {
    color: context.color,
    debug: options.debug,
    format: options.logFormat,
  });
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
  const env = (name: string) => context.env(name);
  const proxies = new ProxyRules(env);
  const directories = certsDirectories(env);
  return new Network({
    tlsVerify: options.tlsVerify,
    maxPerHost: options.maxPerHost,
    credentials,
    certificates: (host) => hostCertificates(host, directories),
    systemCertificates: () => systemCertificates(env),
    proxyFor: (url) => proxies.proxyFor(url),
    observer: observe(options.debug, log),
    stallTimeoutMs: options.stallTimeoutMs || Infinity,
    loginTimeoutMs: options.timeoutMs,
    retry: {
      attempts: options.retryTimes === undefined
        ? undefined
        : options.retryTimes + 1,
      baseDelayMs: options.retryDelayMs,
      ...context.retry,
    },
    schemes,
    signal,
  });
}

/** Below this share of a rate limit the user is warned. */
const LOW_SHARE = 0.1;

function observe(debug: boolean, log: NetworkLog): RequestObserver {
  const told = new Set<string>();
  const once = (key: string, tell: () => void) => {
    if (told.has(key)) return;
    told.add(key);
    tell();
  };
  return {
    onRequest: log.request && (() => log.request?.()),
    onRateLimit: (host, { limit, remaining, windowS }) => {
      const allowed = `${host} allows ${counted(limit, "pull")}${
        windowS === undefined ? "" : ` in ${formatDuration(windowS * 1000)}`
      }, ${remaining} of them are left`;
      const isLow = remaining <= limit * LOW_SHARE;
      if (isLow) once(`low ${host}`, () => log.warn(allowed));
      else once(host, () => log.info(allowed));
    },
    onCredentials: (host, origin) =>
      once(`${host} ${origin}`, () =>
        log.debug(
          origin === undefined
            ? `there are no credentials for ${host}`
            : `credentials for ${host} are from ${origin}`,
        )),
    onProxy: (host, proxyUrl) =>
      log.debug(`${host} is reached through the proxy ${proxyUrl}`),
    onResponse: (method, url, status, ms) => {
      if (!isTemporaryStatus(status)) log.answered?.(url.host);
      if (!debug) return;
      log.debug(
        `${method} ${redactUrl(url)} ${status} (${ms.toFixed(0)} ms)`,
      );
    },
    onRetry: (what, delayMs, reason) => {
      const why = typeof reason === "number" ? reason : describeError(reason);
      const message = `${
        what === undefined ? "" : `${what}: `
      }${why}; next attempt in ${(delayMs / 1000).toFixed(1)} s`;
      if (log.retry) log.retry(message);
      else log.warn(message);
    },
  };
}
