/**
 * Text that the user names on the command line.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { whyNoFile } from "./file_error.ts";
import { readStream } from "./read_stream.ts";

/** Text that was read. */
export interface TextInput {
  /** The name of its origin in messages. */
  readonly name: string;
  readonly text: string;
  /** Of its bytes, as `sha256sum` prints it. */
  readonly digest: Digest;
}

/**
 * Reads a file, or standard input for `-`, as UTF-8.
 *
 * @throws {HangarError} `usage`
 */
export async function readTextInput(
  file: string,
  { stdin }: { readonly stdin: () => Promise<Uint8Array> },
): Promise<TextInput> {
  const name = file === "-" ? "standard input" : file;
  const refuse = (why: string, cause: unknown): never => {
    throw new HangarError("usage", `cannot read the list ${name}: ${why}`, {
      cause,
    });
  };
  const open = async () => await readStream((await Deno.open(file)).readable);
  const bytes = await (file === "-" ? stdin() : open())
    .catch((cause) => refuse(whyNoFile(cause), cause));
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { name, text, digest: digestOf(bytes) };
  } catch (cause) {
    return refuse("not UTF-8 text", cause);
  }
}

/**
 * Reads a file as UTF-8 text, up to a size.
 *
 * @param what the file is, in errors: `the report`
 * @param limit in bytes
 * @throws {HangarError} `usage`
 */
export async function readTextFile(
  path: string,
  what: string,
  limit: number,
): Promise<string> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new HangarError("usage", `cannot read ${what} ${path}: ${why}`, {
      cause,
    });
  };
  const read = async () => {
    const { size } = await Deno.stat(path);
    return size > limit ? undefined : await Deno.readFile(path);
  };
  const bytes = await read().catch((cause) => refuse(whyNoFile(cause), cause));
  if (bytes === undefined || bytes.length > limit) {
    return refuse(`it is larger than ${limit} bytes`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return refuse("not UTF-8 text", cause);
  }
}

/**
 * The text of a plain file that may be missing, or anything.
 *
 * @param limit in bytes
 * @returns undefined where it cannot be read, or is larger
 */
export async function readSmallFile(
  path: string,
  limit: number,
): Promise<string | undefined> {
  try {
    const { isFile, size } = await Deno.stat(path);
    return isFile && size <= limit ? await Deno.readTextFile(path) : undefined;
  } catch {
    return undefined;
  }
}

/** Passwords and tokens are small. */
const MAX_TEMPLATE_FILE = 1024 * 1024;

/** The text of a file that a template of a list names, if it can be read. */
export async function readTemplateFile(
  path: string,
): Promise<string | undefined> {
  return await readSmallFile(path, MAX_TEMPLATE_FILE);
}
