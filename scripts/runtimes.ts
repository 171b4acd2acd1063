/**
 * The base runtimes that binaries are made from, and the hashes that they must
 * have. A binary is its base runtime with hangar's code behind it, so whoever
 * could exchange a base runtime could exchange the binary.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { isJsonObject } from "../src/json.ts";

/** Names of the binaries, by target triple. */
export const TARGETS: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "linux-amd64",
  "aarch64-unknown-linux-gnu": "linux-arm64",
  "x86_64-apple-darwin": "darwin-amd64",
  "aarch64-apple-darwin": "darwin-arm64",
};

/** The file in which the hashes are pinned. */
export const PINS_FILE = new URL("runtimes.json", import.meta.url).pathname;

/** A base runtime that is not the pinned one, or a file that pins nothing. */
export class PinError extends Error {}

/** Which base runtimes are trusted. */
export interface Pins {
  /** The version of Deno that they belong to. */
  readonly deno: string;
  /** SHA-256 of `denort-TRIPLE.zip`, in hex, by target triple. */
  readonly sha256: Readonly<Record<string, string>>;
}

/** The name of the archive in which Deno publishes a base runtime. */
export function runtimeName(target: string): string {
  return `denort-${target}.zip`;
}

/** SHA-256, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Reads the text of a pins file.
 *
 * @throws {PinError} when it is none
 */
function parsePins(text: string, file: string): Pins {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PinError(`${file} is not JSON`);
  }
  if (
    !isJsonObject(value) || typeof value.deno !== "string" ||
    !isJsonObject(value.sha256)
  ) throw new PinError(`${file} has no "deno" and "sha256"`);
  const hashes: Record<string, string> = {};
  for (const [target, hash] of Object.entries(value.sha256)) {
    if (!(target in TARGETS)) {
      throw new PinError(`${file} pins an unknown target, ${target}`);
    }
    if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) {
      throw new PinError(`${file} has no SHA-256 in hex for ${target}`);
    }
    hashes[target] = hash;
  }
  return { deno: value.deno, sha256: hashes };
}

/**
 * Reads a pins file.
 *
 * @throws {PinError} when it is not there, or is none
 */
export async function readPins(file: string): Promise<Pins> {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new PinError(`cannot read ${file}`, { cause: error });
  }
  return parsePins(text, file);
}

/**
 * The hash that the base runtime of a target must have.
 *
 * @throws {PinError} when none is pinned for this version of Deno
 */
export function pinOf(
  pins: Pins,
  target: string,
  deno: string = Deno.version.deno,
): string {
  if (pins.deno !== deno) {
    throw new PinError(
      `the pinned base runtimes are those of Deno ${pins.deno}, and this is Deno ${deno}`,
    );
  }
  const hash = pins.sha256[target];
  if (hash === undefined) {
    throw new PinError(
      `no base runtime of Deno ${deno} is pinned for ${target}`,
    );
  }
  return hash;
}

/**
 * Compares a base runtime with its pin.
 *
 * @throws {PinError} when it is another one
 */
export function verifyRuntime(
  pins: Pins,
  target: string,
  bytes: Uint8Array,
  deno: string = Deno.version.deno,
): void {
  const wanted = pinOf(pins, target, deno);
  const got = sha256(bytes);
  if (got !== wanted) {
    throw new PinError(
      `${
        runtimeName(target)
      } has the SHA-256 ${got}, and the pinned one is ${wanted}`,
    );
  }
}
