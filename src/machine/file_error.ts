/**
 * The reason why a file cannot be read or written, in plain words.
 *
 * @module
 */

import { describeError, HangarError } from "../errors.ts";

/** By the codes of the system, which are the same wherever Deno runs. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EEXIST: "it exists already",
  EINVAL: "not a file name",
  EIO: "the disk reports an error",
  EISDIR: "it is a directory",
  ELOOP: "its symbolic links form a loop",
  EMFILE: "this process has too many files open",
  ENAMETOOLONG: "the name is too long",
  ENFILE: "the system has too many files open",
  ENOENT: "no such file",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "a part of its path is not a directory",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
};

/** The code that the system gave to an error, such as `ENOENT`. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error &&
      typeof error.code === "string"
    ? error.code
    : undefined;
}

/**
 * Why a file cannot be read or written: `no such file`, `permission denied`.
 * Any other error is described as it is.
 *
 * @param writing whether the file was being written: then it is the directory
 * that does not exist. @default {false}
 */
export function whyNoFile(error: unknown, writing = false): string {
  const code = codeOf(error);
  if (writing && code === "ENOENT") return "its directory does not exist";
  if (code !== undefined && Object.hasOwn(WORDS, code)) return WORDS[code]!;
  if (error instanceof Deno.errors.NotCapable) {
    return "hangar has no permission for it: name an ordinary file";
  }
  return describeError(error);
}

/**
 * An error that says what cannot be done with a file, and why.
 *
 * @param action after "cannot": `read`, `write`, or what else was tried
 * @param what the file, or what it is called
 */
export function fileError(
  action: string,
  what: string,
  cause: unknown,
): HangarError {
  return new HangarError(
    "file",
    `cannot ${action} ${what}: ${whyNoFile(cause, action === "write")}`,
    { cause },
  );
}

/** Whether an error says that there is no file or directory at a path. */
export function isAbsent(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}
