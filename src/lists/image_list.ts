/**
 * Image lists: from text to entries with their line numbers.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { describeError } from "../errors.ts";
import {
  checkTag,
  parseReference,
  parseRepository,
  type Reference,
  type RepositoryName,
} from "../names/reference.ts";

/** One image of a list. */
export interface ListEntry {
  /** Line number, from 1. */
  readonly line: number;
  /** The line as it was written, without its ending. */
  readonly text: string;
  /** Number among the valid entries, from 1: `[IMG:n]`. */
  readonly ordinal: number;
  readonly source: Reference;
  /** Where it is sent, where that is said; its tag is the source's by default. */
  readonly destination?: RepositoryName & { readonly tag?: string };
}

/** A line that is not an image. */
export interface InvalidLine {
  readonly line: number;
  readonly text: string;
  readonly reason: string;
}

/** A list, read. */
export interface ImageList {
  /** Its name in messages. */
  readonly name: string;
  readonly entries: readonly ListEntry[];
  readonly invalid: readonly InvalidLine[];
}

/** Reads a list in the default format, the mirror format, or both. */
export function parseImageList(text: string, name: string): ImageList {
  const entries: ListEntry[] = [];
  const invalid: InvalidLine[] = [];
  let line = 0;
  for (const raw of text.replace(/^\ufeff/, "").split("\n")) {
    line++;
    const verbatim = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const trimmed = verbatim.trim();
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith("//")) {
      continue;
    }
    const fields = withoutComment(trimmed).split(/[ \t]+/);
    try {
      entries.push({
        line,
        text: verbatim,
        ordinal: entries.length + 1,
        ...parseFields(fields),
      });
    } catch (error) {
      invalid.push({ line, text: verbatim, reason: describeError(error) });
    }
  }
  return { name, entries, invalid };
}

/** A comment begins with "#" after a blank. */
function withoutComment(line: string): string {
  let at = line.indexOf("#");
  while (at > 0 && line[at - 1] !== " " && line[at - 1] !== "\t") {
    at = line.indexOf("#", at + 1);
  }
  return at > 0 ? line.slice(0, at).trimEnd() : line;
}

class FieldCount extends Error {
  override name = "invalid line";
}

function parseFields(
  fields: readonly string[],
): Pick<ListEntry, "source" | "destination"> {
  const [source = "", destination = "", tag = ""] = fields;
  if (fields.length === 1) return { source: parseReference(source) };
  if (fields.length === 3) {
    return {
      source: { ...parseRepository(source), tag: checkTag(tag) },
      destination: parseRepository(destination),
    };
  }
  throw new FieldCount(
    `${counted(fields.length, "field")}; want IMAGE, or SOURCE DESTINATION TAG`,
  );
}
