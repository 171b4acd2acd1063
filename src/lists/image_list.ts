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
import { isGlob, parseGlob } from "./tags/glob.ts";
import type { TagSelector } from "./tags/tag_rules.ts";

/** Where a list is told to send an image. */
export interface ListDestination extends RepositoryName {
  /** @default {the source's} */
  readonly tag?: string;
}

/** What entries and choices have in common. */
export interface ListItem {
  /** Line number, from 1. */
  readonly line: number;
  /** The line as it was written, without its ending. */
  readonly text: string;
  /** Number among the valid entries, from 1: `[IMG:n]`. */
  readonly ordinal: number;
  /** Where it is sent, where that is said. */
  readonly destination?: ListDestination;
}

/** One image of a list. */
export interface ListEntry extends ListItem {
  readonly source: Reference;
}

/** A line that stands for several images, until the tags are known. */
export interface ListChoice extends ListItem {
  readonly source: RepositoryName;
  readonly tags: TagSelector;
  /** The line that names one of its tags. */
  readonly textOf: (tag: string) => string;
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
  /** Their ordinals are counted together with those of the entries. */
  readonly choices?: readonly ListChoice[];
  readonly invalid: readonly InvalidLine[];
}

/** Reads a list in the default format, the mirror format, or both. */
export function parseImageList(text: string, name: string): ImageList {
  const entries: ListEntry[] = [];
  const choices: ListChoice[] = [];
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
    const ordinal = entries.length + choices.length + 1;
    const item = { line, text: verbatim, ordinal };
    try {
      const read = parseFields(fields);
      if ("tags" in read) choices.push({ ...item, ...read });
      else entries.push({ ...item, ...read });
    } catch (error) {
      invalid.push({ line, text: verbatim, reason: describeError(error) });
    }
  }
  return choices.length > 0
    ? { name, entries, choices, invalid }
    : { name, entries, invalid };
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

/** What a line says, apart from where it stands. */
type Fields =
  | Pick<ListEntry, "source" | "destination">
  | Pick<ListChoice, "source" | "destination" | "tags" | "textOf">;

function parseFields(fields: readonly string[]): Fields {
  const [source = "", destination = "", tag = ""] = fields;
  if (fields.length === 1) return parseImage(source);
  if (fields.length !== 3) {
    throw new FieldCount(
      `${
        counted(fields.length, "field")
      }; want IMAGE, or SOURCE DESTINATION TAG`,
    );
  }
  const repository = parseRepository(source);
  const to = parseRepository(destination);
  return isGlob(tag)
    ? {
      source: repository,
      destination: to,
      tags: globbed(tag),
      textOf: (tag) => `${source} ${destination} ${tag}`,
    }
    : { source: { ...repository, tag: checkTag(tag) }, destination: to };
}

function parseImage(text: string): Fields {
  // The registry may be an IPv6 address in brackets.
  const colon = text.indexOf(":", text.lastIndexOf("/") + 1);
  const tag = colon < 0 ? "" : text.slice(colon + 1);
  if (!isGlob(tag)) return { source: parseReference(text) };
  const name = text.slice(0, colon);
  return {
    source: parseRepository(name),
    tags: globbed(tag),
    textOf: (tag) => `${name}:${tag}`,
  };
}

function globbed(tag: string): TagSelector {
  return [{ allow: [parseGlob(tag)] }];
}
