/**
 * The failed list: lines to be passed back to `--file`, each below its reason.
 *
 * @module
 */

import { invalidFlag, printable } from "../errors.ts";
import { fileError, whyNoFile } from "./file_error.ts";
import { replaceFile, temporaryBeside } from "./replace_file.ts";

/**
 * The first line of the failed list of an image list. A later run recognizes
 * the file by it.
 *
 * @param list the image list's name
 */
export function failedListMark(list: string): string {
  return `# hangar: the images of ${
    printable(list, 500)
  } that failed; pass this file back with --file`;
}

/** A line of the image list to do again. */
export interface FailedLine {
  /** As it stands in the list. */
  readonly text: string;
  /** Why it failed. */
  readonly reason?: string;
}

/** The part up to the last slash; Windows knows both kinds. */
function directoryOf(path: string): string {
  const slash = Deno.build.os === "windows"
    ? Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"))
    : path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash + 1);
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return undefined;
    throw fileError("look at", path, cause);
  }
}

/** The file that symbolic links lead to. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return path;
    throw fileError("look at", path, cause);
  }
}

/** `/dev/null`, a terminal: renaming a file over it would replace the device. */
function isDevice(info: Deno.FileInfo | undefined): boolean {
  return info?.isCharDevice === true;
}

/**
 * Checks before the run that the failed list can be written after it. No file
 * is left behind, and an existing file is not touched.
 *
 * @param input the image list, `-` for standard input
 * @param flag the flag that named the path
 * @throws {HangarError} `usage` when it is the input file, or cannot be written
 */
export async function checkFailedPath(
  path: string,
  input: string,
  flag = "--failed",
): Promise<void> {
  const refuse = (why: string, hint?: string): never => {
    throw invalidFlag(flag, path, why, { hint });
  };
  if (path === "" || path === "-") refuse("it names no file");
  const there = await Deno.stat(path).catch((cause) =>
    cause instanceof Deno.errors.NotFound ? undefined : refuse(whyNoFile(cause))
  );
  if (isDevice(there)) return;
  if (there?.isDirectory) refuse("it is a directory");
  if (there && !there.isFile) refuse("it is not a regular file");
  if (there && input !== "-" && await isSameFile(path, there, input)) {
    refuse("it is the input file", `name another file with ${flag}`);
  }
  const directory = directoryOf(path);
  if (!(await statOf(directory))?.isDirectory) {
    refuse(`there is no directory ${directory}`);
  }
  // Permission bits do not say enough (root, read-only mounts), so try it.
  const temporary = temporaryBeside(path);
  try {
    await Deno.writeTextFile(temporary, "", { createNew: true });
    await Deno.remove(temporary);
  } catch (cause) {
    refuse(`cannot write there: ${whyNoFile(cause, true)}`);
  }
}

/** How the refusal of one file for two uses is told. */
export interface SameFileNames {
  /** The flag of the second file. @default {"--report"} */
  readonly flag?: string;
  /** @default {"the failed list goes to the same file"} */
  readonly why?: string;
  /** The flag of the first file. @default {"--failed"} */
  readonly other?: string;
}

/**
 * Refuses one file for two uses, such as the failed list and the report: one
 * would replace the other. A device such as `/dev/null` takes both.
 *
 * @throws {HangarError} `usage`
 */
export async function refuseSameFile(
  first: string,
  second: string,
  {
    flag = "--report",
    why = "the failed list goes to the same file",
    other = "--failed",
  }: SameFileNames = {},
): Promise<void> {
  const info = await statOf(first);
  if (isDevice(info)) return;
  const same = info
    ? await isSameFile(first, info, second)
    : await placeOf(first) === await placeOf(second);
  if (!same) return;
  throw invalidFlag(flag, second, why, {
    hint: `name another file with ${flag} or ${other}`,
  });
}

/** The real path of a file that may not exist yet. */
async function placeOf(path: string): Promise<string> {
  const directory = directoryOf(path);
  const name = path.slice(directory === "." ? 0 : directory.length);
  return `${await realPathOf(directory)}/${name}`;
}

async function isSameFile(
  path: string,
  info: Deno.FileInfo,
  other: string,
): Promise<boolean> {
  const otherInfo = await statOf(other);
  if (!otherInfo) return false;
  // Hard links share one inode; on systems without inodes, paths are compared.
  if (info.ino !== null && otherInfo.ino !== null) {
    return info.ino === otherInfo.ino && info.dev === otherInfo.dev;
  }
  return await realPathOf(path) === await realPathOf(other);
}

/**
 * Writes the failed list, and replaces a file that is there. When nothing
 * failed, it removes an old failed list, known by its mark. The file is
 * replaced whole or not at all.
 *
 * A symbolic link at the path is replaced, never followed: in a shared directory
 * it may be the link of another user.
 *
 * @param list the image list's name
 * @param lines in the order of the list
 * @throws {HangarError} `file`
 */
export async function writeFailedList(
  path: string,
  list: string,
  lines: readonly FailedLine[],
): Promise<"written" | "removed" | "unchanged"> {
  const mark = failedListMark(list);
  if (lines.length === 0) {
    return await isPlainFile(path)
      ? await removeStale(path, mark)
      : "unchanged";
  }
  const text = [
    mark,
    ...lines.flatMap(({ text, reason }) =>
      reason === undefined ? [text] : [`# ${printable(reason, 1000)}`, text]
    ),
    "",
  ].join("\n");
  try {
    await replaceFile(path, [text]);
  } catch (cause) {
    throw fileError("write", `the failed list ${path}`, cause);
  }
  return "written";
}

async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isFile;
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return false;
    throw fileError("look at", path, cause);
  }
}

async function removeStale(
  path: string,
  mark: string,
): Promise<"removed" | "unchanged"> {
  try {
    if (!await bearsMark(path, mark)) return "unchanged";
    await Deno.remove(path);
    return "removed";
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return "unchanged";
    throw fileError("remove the stale failed list", path, cause);
  }
}

/** Reads only as many bytes as the mark has: the file may be anything. */
async function bearsMark(path: string, line: string): Promise<boolean> {
  const mark = new TextEncoder().encode(`${line}\n`);
  const head = new Uint8Array(mark.length);
  using file = await Deno.open(path);
  let filled = 0;
  while (filled < head.length) {
    const read = await file.read(head.subarray(filled));
    if (read === null) return false;
    filled += read;
  }
  return head.every((byte, i) => byte === mark[i]);
}
