/**
 * The flags that say how registries are reached, and their options.
 *
 * @module
 */

import { MAX_PER_HOST } from "../../transport/request_gate.ts";
import { HangarError, invalidFlag } from "../../errors.ts";
import type { LogFormat } from "../../report/console.ts";
import type { ReachOptions } from "../../run/network/connect_network.ts";
import type { LogOptions } from "../../run/log_console.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";

/** The flag of every command that reads or keeps credentials. */
export const AUTHFILE_FLAG: FlagSpec = {
  name: "authfile",
  type: "string",
  isFile: true,
  help: "the file with the credentials, in place of $REGISTRY_AUTH_FILE",
};

/** Flags of every command that speaks to registries. */
export const NETWORK_FLAGS: readonly FlagSpec[] = [
  AUTHFILE_FLAG,
  {
    name: "max-per-host",
    type: "int",
    default: MAX_PER_HOST,
    help:
      "at most so many requests at once to one registry host; there are fewer while it answers slowly",
  },
  {
    name: "retry-times",
    type: "int",
    default: 4,
    help:
      "how often a step is tried again after a temporary failure; by default 9 times at a host that answers other requests",
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

/**
 * Reads the flags.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function reachOptions(
  values: FlagValues,
): ReachOptions & LogOptions {
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
    ...logOptions(values),
  };
}

/**
 * How the flags want log lines to be written.
 *
 * @throws {HangarError} `usage` when they contradict each other
 */
export function logOptions(values: FlagValues): LogOptions {
  const debug = values.bool("debug");
  const quiet = values.bool("quiet");
  if (debug && quiet) {
    throw new HangarError(
      "usage",
      "--debug logs more, --quiet less: give one of them",
    );
  }
  return {
    debug,
    quiet,
    logFormat: logFormatOf(values),
    hideTime: values.bool("hide-log-time"),
  };
}

/** The log format that `--log-format` asks for. */
export function logFormatOf(values: FlagValues): LogFormat {
  return values.string("log-format") === "json" ? "json" : "text";
}
