/**
 * The image list of a run, and the files that the run is to write.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { ImageList } from "../lists/image_list.ts";
import { readListText } from "../lists/read_list.ts";
import type { SkopeoDestination } from "../lists/yaml/skopeo_sync.ts";
import { checkFailedPath, refuseSameFile } from "../machine/failed_list.ts";
import { readTemplateFile, readTextInput } from "../machine/read_input.ts";
import { type Digest, digestOf } from "../oci/digest.ts";

/** Where the list comes from: a file (`-` for standard input), or a program. */
export type ListInput =
  | { readonly file: string }
  | { readonly list: ImageList };

/** A list, and what it was read from. */
export interface ReadList extends ImageList {
  /** Of the text that it was read from. */
  readonly digest: Digest;
}

/** What reading a list needs from the process. */
export interface ListProcess {
  readonly stdin: () => Promise<Uint8Array>;
  readonly env: (name: string) => string | undefined;
}

/**
 * Reads the list.
 *
 * @param warn called for every line that is not an image where no line is one
 * @param skopeo where the images of a `skopeo sync` file go
 * @throws {HangarError} `usage` when it cannot be read, or has no valid line
 */
export async function readList(
  input: ListInput,
  process: ListProcess,
  warn: (message: string) => void,
  skopeo?: SkopeoDestination,
): Promise<ReadList> {
  const list = "list" in input
    ? { ...input.list, digest: digestOfLines(input.list) }
    : await readListFile(input.file, process, skopeo);
  for (const message of list.warnings ?? []) warn(message);
  if (list.entries.length + (list.choices?.length ?? 0) > 0) return list;
  tellInvalid(list, warn);
  throw new HangarError("usage", `${list.name}: no valid line in the list`);
}

/** How many invalid lines of a list are told, and of a file that is no list. */
const TOLD_OF_LIST = 20;
const TOLD_OF_OTHER = 5;

/** Tells of the lines that are not images: the first ones, and how many more. */
export function tellInvalid(
  { name, entries, choices = [], invalid }: ImageList,
  warn: (message: string) => void,
): void {
  const limit = entries.length + choices.length > 0
    ? TOLD_OF_LIST
    : TOLD_OF_OTHER;
  // One more line would be told as "1 more".
  const told = invalid.length <= limit + 1 ? invalid : invalid.slice(0, limit);
  for (const { line, reason } of told) warn(`${name}:${line}: ${reason}`);
  const more = invalid.length - told.length;
  if (more > 0) {
    warn(
      `${name}: ${more} more lines are no images, up to line ${
        invalid.at(-1)!.line
      }`,
    );
  }
}

async function readListFile(
  file: string,
  process: ListProcess,
  skopeo?: SkopeoDestination,
): Promise<ReadList> {
  const { text, name, digest } = await readTextInput(file, process);
  const list = await readListText(text, name, {
    sources: { env: process.env, readFile: readTemplateFile },
    skopeo,
  });
  return { ...list, digest };
}

function digestOfLines(
  { entries, choices = [], invalid }: ImageList,
): Digest {
  const lines = [...entries, ...choices, ...invalid].sort((a, b) =>
    a.line - b.line
  );
  const text = lines.map(({ line, text }) => `${line} ${text}\n`).join("");
  return digestOf(new TextEncoder().encode(text));
}

/** The files that a run writes; without a path, none is written. */
export interface OutputPaths {
  /** The failed list. */
  readonly failed?: string;
  /** The report; `-` is standard output. */
  readonly report?: string;
  /** The metrics. */
  readonly metrics?: string;
}

/**
 * Checks before the run that its files can be written after it.
 *
 * @throws {HangarError} `usage` when one of them is the list or another of the
 * files, or cannot be written
 */
export async function checkOutputs(
  input: ListInput,
  { failed, report, metrics }: OutputPaths,
): Promise<void> {
  const file = "file" in input ? input.file : "-";
  const outputs: {
    readonly path: string;
    readonly flag: string;
    readonly what: string;
  }[] = [];
  const add = async (path: string | undefined, flag: string, what: string) => {
    if (path === undefined) return;
    await checkFailedPath(path, file, flag);
    for (const other of outputs) {
      await refuseSameFile(other.path, path, {
        flag,
        why: `${other.what} goes to the same file`,
        other: other.flag,
      });
    }
    outputs.push({ path, flag, what });
  };
  await add(failed, "--failed", "the failed list");
  await add(
    report && report !== "-" ? report : undefined,
    "--report",
    "the report",
  );
  await add(metrics, "--metrics", "the metrics");
}
