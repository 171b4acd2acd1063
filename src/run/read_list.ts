/**
 * The image list of a run, and the files that the run is to write.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { type ImageList, parseImageList } from "../lists/image_list.ts";
import { checkFailedPath, refuseSameFile } from "../machine/failed_list.ts";
import { readTextInput } from "../machine/read_input.ts";

/** Where the list comes from: a file (`-` for standard input), or a program. */
export type ListInput =
  | { readonly file: string }
  | { readonly list: ImageList };

/**
 * Reads the list.
 *
 * @param warn called for every line that is not an image
 * @throws {HangarError} `usage` when it cannot be read, or has no valid line
 */
export async function readList(
  input: ListInput,
  process: { readonly stdin: () => Promise<Uint8Array> },
  warn: (message: string) => void,
): Promise<ImageList> {
  const list = "list" in input
    ? input.list
    : await readListFile(input.file, process);
  for (const { line, reason } of list.invalid) {
    warn(`${list.name}:${line}: ${reason}`);
  }
  if (list.entries.length === 0) {
    throw new HangarError("usage", `${list.name}: no valid line in the list`);
  }
  return list;
}

async function readListFile(
  file: string,
  process: { readonly stdin: () => Promise<Uint8Array> },
): Promise<ImageList> {
  const { text, name } = await readTextInput(file, process);
  return parseImageList(text, name);
}

/**
 * Checks before the run that its files can be written after it.
 *
 * @throws {HangarError} `usage` when one of them is the list or the other file,
 * or cannot be written
 */
export async function checkOutputs(
  input: ListInput,
  { failed, report }: { readonly failed?: string; readonly report?: string },
): Promise<void> {
  const file = "file" in input ? input.file : "-";
  if (failed !== undefined) await checkFailedPath(failed, file);
  if (!report || report === "-") return;
  await checkFailedPath(report, file, "--report");
  if (failed !== undefined) await refuseSameFile(failed, report);
}
