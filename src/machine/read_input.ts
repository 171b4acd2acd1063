/**
 * Text that the user names on the command line.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { whyNoFile } from "./file_error.ts";

/**
 * Reads a file, or standard input for `-`, as UTF-8.
 *
 * @returns the text, and the name of its origin in messages
 * @throws {HangarError} `usage`
 */
export async function readTextInput(
  file: string,
  { stdin }: { readonly stdin: () => Promise<Uint8Array> },
): Promise<{ readonly name: string; readonly text: string }> {
  const name = file === "-" ? "standard input" : file;
  const refuse = (why: string, cause: unknown): never => {
    throw new HangarError("usage", `cannot read the list ${name}: ${why}`, {
      cause,
    });
  };
  const bytes = await (file === "-" ? stdin() : Deno.readFile(file))
    .catch((cause) => refuse(whyNoFile(cause), cause));
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { name, text };
  } catch (cause) {
    return refuse("not UTF-8 text", cause);
  }
}
