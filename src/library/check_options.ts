/**
 * Options of programs, checked before anything is done.
 *
 * @module
 */

import { HangarError, invalidFlag } from "../errors.ts";
import type { RegistryOptions } from "./options.ts";

/** The longest time that a timer takes, in ms. */
const MAX_MS = 2 ** 31 - 1;

/** The error for the value of an option. */
export function invalidOption(
  option: string,
  value: unknown,
  want: string,
): HangarError {
  const shown = typeof value === "string" || typeof value === "number"
    ? value
    : typeof value;
  return invalidFlag(option, shown, want);
}

/**
 * A whole number within bounds.
 *
 * @throws {HangarError} `usage`, naming the option
 */
export function wholeNumber(
  option: string,
  value: number | undefined,
  { fallback, min, max }: {
    readonly fallback: number;
    readonly min: number;
    readonly max: number;
  },
): number {
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidOption(
    option,
    value,
    max === Infinity
      ? `want a whole number, at least ${min}`
      : `want a whole number, ${min} to ${max}`,
  );
}

/**
 * A time in ms, 0 for no limit.
 *
 * @throws {HangarError} `usage`, naming the option
 */
export function milliseconds(
  option: string,
  value: number | undefined,
  fallback: number,
): number {
  return wholeNumber(option, value, { fallback, min: 0, max: MAX_MS });
}

/**
 * One of a few words.
 *
 * @throws {HangarError} `usage`, naming the option
 */
export function oneOf<T extends string>(
  option: string,
  value: T | undefined,
  words: readonly [T, ...T[]],
): T {
  if (value === undefined) return words[0];
  if (words.includes(value)) return value;
  throw invalidOption(option, value, `want ${words.join(" or ")}`);
}

/**
 * Refuses options that contradict each other.
 *
 * @throws {HangarError} `usage`, naming both
 */
export function refuseTogether(
  options: Readonly<Record<string, unknown>>,
  first: string,
  second: string,
  why: string,
): void {
  const given = (name: string) =>
    options[name] !== undefined && options[name] !== false;
  if (!given(first) || !given(second)) return;
  throw new HangarError(
    "usage",
    `${first} and ${second} contradict each other: ${why}`,
  );
}

/**
 * Refuses plain HTTP where HTTPS is required.
 *
 * @throws {HangarError} `usage`, naming both options
 */
export function refusePlain(
  { tlsVerify }: RegistryOptions,
  option: string,
  address: string | undefined,
): void {
  if (tlsVerify !== true || !/^(docker:\/\/)?http:/i.test(address ?? "")) {
    return;
  }
  throw new HangarError(
    "usage",
    `${option} ${address} contradicts tlsVerify, which requires HTTPS`,
  );
}

/** The library's names for the options that the command has as flags. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  "--arch": "arch",
  "--destination": "destination",
  "--destination-project": "destinationProject",
  "--insecure-policy": 'policy: "insecure"',
  "--jobs": "jobs",
  "--max-per-host": "maxPerHost",
  "--missing": "missing",
  "--os": "os",
  "--overwrite": "overwrite",
  "--platform": "platform",
  "--policy": "policy",
  "--provenance": "provenance",
  "--remove-signatures": "signatures: false",
  "--shard": "shard",
  "--sign-format": "signer.format",
  "--skip-login": "skipLogin",
  "--source": "source",
  "--source-project": "sourceProject",
  "--timeout": "timeoutMs",
  "--tls-verify": "tlsVerify",
  "--tls-verify=false": "tlsVerify: false",
};

/** An error as a program understands it: it names options instead of flags. */
export function inOptionTerms(error: unknown): unknown {
  if (!(error instanceof HangarError)) return error;
  const named = (text: string) =>
    text.replace(
      /(?<![\w-])--[a-z][a-z-]*(?:=false)?/g,
      (flag) => OPTION_NAMES[flag] ?? flag,
    );
  const message = named(error.message);
  const hint = error.hint && named(error.hint);
  if (message === error.message && hint === error.hint) return error;
  return new HangarError(error.code, message, {
    ...error,
    cause: error.cause,
    flag: error.flag && named(error.flag),
    hint,
  });
}
