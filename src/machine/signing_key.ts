/**
 * The private key of the user, read from its file.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { SigningKey } from "../signatures/sigstore_key.ts";
import type { Env } from "./certs_d.ts";
import { readPassphrase, readUserFile, type UserFile } from "./user_file.ts";

/** Asks the user; undefined where there is no terminal to ask on. */
export type Prompt = (
  question: string,
  options?: { readonly secret?: boolean },
) => Promise<string | undefined>;

/** The file of a key, and its passphrase. */
export interface KeyFile {
  readonly key: UserFile;
  /**
   * A file whose first line is the passphrase.
   *
   * @default {`COSIGN_PASSWORD`, or what the user types}
   */
  readonly passphrase?: UserFile;
}

/**
 * Opens an encrypted private key.
 *
 * @throws {HangarError} `usage` when a file cannot be read or there is no
 * passphrase; `key` when the key is malformed or the passphrase wrong
 */
export async function openKeyFile(
  { key, passphrase }: KeyFile,
  asked: { readonly env: Env; readonly prompt: Prompt },
): Promise<SigningKey> {
  const pem = await readUserFile(key);
  const secret = passphrase
    ? await readPassphrase(passphrase)
    : asked.env("COSIGN_PASSWORD") ??
      await asked.prompt(`Passphrase for ${key.path}: `, { secret: true });
  if (secret === undefined) {
    throw new HangarError(
      "usage",
      `the passphrase for ${key.path} is missing`,
      { hint: "give --sigstore-passphrase-file, or set COSIGN_PASSWORD" },
    );
  }
  const { openPrivateKey } = await import("../signatures/sigstore_key.ts");
  return openPrivateKey(pem, secret, key.path);
}
