/**
 * Files that the user names in an option.
 *
 * @module
 */

import { invalidFlag } from "../errors.ts";
import { whyNoFile } from "./file_error.ts";

/** A path, and the option that gives it. */
export interface UserFile {
  readonly path: string;
  /** The name of the option in messages: `--policy`. */
  readonly option: string;
}

/**
 * The text of a file that an option names.
 *
 * @throws {HangarError} `usage`, naming option and file
 */
export async function readUserFile(
  { path, option }: UserFile,
): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw invalidFlag(option, path, whyNoFile(cause), { cause });
  }
}

/**
 * A passphrase as a file holds it: its first line.
 *
 * @throws {HangarError} `usage`, naming option and file
 */
export async function readPassphrase(file: UserFile): Promise<string> {
  const text = await readUserFile(file);
  return text.split(/\r?\n/, 1)[0]!;
}
