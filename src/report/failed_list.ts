/**
 * The failed list: lines to be passed back to `--file`.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** The line that a failed list begins with, by which it is known again. */
export const FAILED_LIST_MARK =
  "# hangar: the images that failed; pass this file back with --file";

function cannot(action: string, path: string, cause: unknown): HangarError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HangarError("file", `cannot ${action} ${path}: ${why}`, { cause });
}

function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw cannot("look at", path, error);
  }
}

/**
 * Finds out before the run whether the failed list can be written after it.
 *
 * @throws {HangarError} `usage` when it is the input file, or cannot be written
 */
export async function checkFailedPath(
  path: string,
  input: string,
): Promise<void> {
  const refuse = (why: string): never => {
    throw new HangarError(
      "usage",
      `invalid value "${path}" for --failed: ${why}`,
    );
  };
  const there = await statOf(path);
  if (there && !there.isFile) refuse("it is not a file");
  const list = input === "-" ? undefined : await statOf(input);
  if (
    there && list && there.ino !== null && there.ino === list.ino &&
    there.dev === list.dev
  ) {
    refuse("it is the input file");
  }
  const directory = await statOf(directoryOf(path));
  if (!directory?.isDirectory) refuse("there is no such directory");
}

/**
 * Writes the failed list, or, when nothing failed, removes a stale one that
 * bears the mark.
 *
 * @throws {HangarError} `file`
 */
export async function writeFailedList(
  path: string,
  lines: readonly string[],
): Promise<"written" | "removed" | "unchanged"> {
  if (lines.length === 0) return await removeStale(path);
  // In the same directory, or the rename would not be atomic.
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await Deno.writeTextFile(
      temporary,
      [FAILED_LIST_MARK, ...lines, ""].join("\n"),
      { createNew: true },
    );
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw cannot("write the failed list", path, cause);
  }
  return "written";
}

async function removeStale(path: string): Promise<"removed" | "unchanged"> {
  try {
    const file = await Deno.readTextFile(path);
    if (!file.startsWith(FAILED_LIST_MARK)) return "unchanged";
    await Deno.remove(path);
    return "removed";
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return "unchanged";
    throw cannot("remove the stale failed list", path, cause);
  }
}
