/**
 * Text that the user names on the command line.
 *
 * @module
 */

import { describeError, HangarError } from "../errors.ts";

/**
 * Reads a file, or standard input for `-`, as UTF-8.
 *
 * @returns the text, and what to call its origin in messages
 * @throws {HangarError} `usage`
 */
export async function readTextInput(
  file: string,
  { stdin }: { readonly stdin: () => Promise<Uint8Array> },
): Promise<{ readonly name: string; readonly text: string }> {
  const name = file === "-" ? "standard input" : file;
  try {
    const bytes = file === "-" ? await stdin() : await Deno.readFile(file);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { name, text };
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "no such file"
      : cause instanceof TypeError
      ? "not UTF-8 text"
      : describeError(cause);
    throw new HangarError("usage", `cannot read the list ${name}: ${why}`, {
      cause,
    });
  }
}
