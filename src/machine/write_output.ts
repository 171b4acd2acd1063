/**
 * Writing what a command makes: to a file, or to standard output.
 *
 * @module
 */

import { fileError } from "./file_error.ts";
import { replaceFile } from "./replace_file.ts";

/** How {@linkcode writeOutput} writes. */
export interface OutputOptions {
  readonly stdout: (output: string) => boolean | void;
  /** What it is, in messages. */
  readonly what: string;
}

/**
 * Writes text to a file, whole or not at all; `-` is standard output. A symbolic
 * link to a file is replaced, not followed.
 *
 * @throws {HangarError} `file`
 */
export async function writeOutput(
  path: string,
  text: string,
  { stdout, what }: OutputOptions,
): Promise<void> {
  if (path === "-") {
    stdout(text);
    return;
  }
  try {
    await replaceFile(path, [text]);
  } catch (cause) {
    throw fileError("write", `${what} ${path}`, cause);
  }
}
