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
import type { EntrySettings } from "./entry_settings.ts";
import type { RegistrySettings } from "./registry_settings.ts";
import type { TagRule, TagSelector } from "./tags/tag_rules.ts";

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
  /** @default {it is copied as the flags have it} */
  readonly settings?: EntrySettings;
}

/** One image of a list. */
export interface ListEntry extends ListItem {
  readonly source: Reference;
}

/** A line that stands for several images, until the tags are known. */
export interface ListChoice extends ListItem {
  readonly source: RepositoryName;
  readonly tags: TagSelector;
  /** What stands in place of the tag, where that says it. */
  readonly glob?: string;
  /** The line that names one of its tags. */
  readonly textOf: (tag: string) => string;
  /** Set where it stands for repositories of a registry, too. */
  readonly catalog?: CatalogChoice;
}

/** Which repositories of a registry are meant. */
export interface CatalogChoice {
  readonly rule: TagRule;
  /** What is chosen in one of them. */
  readonly choose: (repository: string) => Omit<ListChoice, "line" | "ordinal">;
}

/** What a list says of the whole run. */
export interface ListSettings {
  readonly registries?: readonly RegistrySettings[];
  /** Images at once, where no flag says it. */
  readonly jobs?: number;
  /** Sent as `User-Agent`. */
  readonly userAgent?: string;
  /** Whether only the logins of the list are used. */
  readonly withoutAuthFiles?: boolean;
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
  readonly settings?: ListSettings;
  /** What has no effect, a line each. */
  readonly warnings?: readonly string[];
}

/** What a line says by its fields and by what stands behind them. */
export type ExtendedLine =
  | Omit<ListEntry, "line" | "ordinal" | "text">
  | Omit<ListChoice, "line" | "ordinal" | "text">
  /** Why it is not an image. */
  | { readonly reason: string };

/**
 * Reads a list in the default format, the mirror format, or both.
 *
 * @param extended lines that are read already, by their numbers
 */
export function parseImageList(
  text: string,
  name: string,
  extended: ReadonlyMap<number, ExtendedLine> = new Map(),
): ImageList {
  const entries: ListEntry[] = [];
  const choices: ListChoice[] = [];
  const invalid: InvalidLine[] = [];
  for (const { line, text: verbatim, trimmed } of linesOf(text)) {
    const ordinal = entries.length + choices.length + 1;
    const place = { line, text: verbatim, ordinal };
    try {
      const read = extended.get(line) ?? parseFields(fieldsOf(trimmed));
      if ("reason" in read) invalid.push({ ...read, line, text: verbatim });
      else if ("tags" in read) choices.push({ ...read, ...place });
      else entries.push({ ...read, ...place });
    } catch (error) {
      invalid.push({ line, text: verbatim, reason: describeError(error) });
    }
  }
  return choices.length > 0
    ? { name, entries, choices, invalid }
    : { name, entries, invalid };
}

/** The lines that are no comments. */
function* linesOf(text: string): Generator<
  { readonly line: number; readonly text: string; readonly trimmed: string }
> {
  let line = 0;
  for (const raw of text.replace(/^\ufeff/, "").split("\n")) {
    line++;
    const verbatim = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    const trimmed = verbatim.trim();
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith("//")) {
      continue;
    }
    yield { line, text: verbatim, trimmed };
  }
}

function fieldsOf(trimmed: string): string[] {
  return withoutComment(trimmed).split(/[ \t]+/);
}

/** A line with what its fields cannot say. */
export interface FoundExtension {
  readonly line: number;
  readonly fields: readonly string[];
  /** `regsync` for the settings of an entry, `tags` for a choice of tags. */
  readonly kind: "regsync" | "tags";
  readonly json: string;
}

const EXTENSION = /[ \t]# (regsync|tags) (\{.*\})$/;

/** The lines that end in `# regsync {…}` or `# tags {…}`. */
export function findExtensions(text: string): FoundExtension[] {
  if (!/# (?:regsync|tags) \{/.test(text)) return [];
  const found: FoundExtension[] = [];
  for (const { line, trimmed } of linesOf(text)) {
    const match = EXTENSION.exec(trimmed);
    if (!match) continue;
    const kind = match[1] === "tags" ? "tags" : "regsync";
    found.push({ line, fields: fieldsOf(trimmed), kind, json: match[2]! });
  }
  return found;
}

/** A comment begins with "#" after a blank. */
function withoutComment(line: string): string {
  let at = line.indexOf("#");
  while (at > 0 && line[at - 1] !== " " && line[at - 1] !== "\t") {
    at = line.indexOf("#", at + 1);
  }
  return at > 0 ? line.slice(0, at).trimEnd() : line;
}

class InvalidFields extends Error {
  override name = "invalid line";
}

/** What a line says, apart from where it stands. */
type Fields =
  | Pick<ListEntry, "source" | "destination">
  | Pick<ListChoice, "source" | "destination" | "tags" | "glob" | "textOf">;

function parseFields(fields: readonly string[]): Fields {
  const [source = "", destination = "", tag = ""] = fields;
  if (fields.length === 1) return parseImage(source);
  if (fields.length !== 3) {
    throw new InvalidFields(
      `${
        counted(fields.length, "field")
      }; want IMAGE, or SOURCE DESTINATION TAG`,
    );
  }
  const repository = parseBare(source, "SOURCE");
  const to = parseBare(destination, "DESTINATION");
  return isGlob(tag)
    ? {
      source: repository,
      destination: to,
      tags: globbed(tag),
      glob: tag,
      textOf: (tag) => `${source} ${destination} ${tag}`,
    }
    : { source: { ...repository, tag: checkTag(tag) }, destination: to };
}

/** A repository where some write the tag or digest behind it. */
function parseBare(text: string, field: string): RepositoryName {
  const [name = ""] = text.split("/").slice(-1);
  const more = /[:@]/.exec(name)?.[0];
  if (more === undefined || /^[a-z]+:\/\//i.test(text)) {
    return parseRepository(text);
  }
  throw new InvalidFields(
    `${field} has a ${
      more === ":" ? "tag" : "digest"
    }, and in SOURCE DESTINATION TAG only TAG names one`,
  );
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
    glob: tag,
    textOf: (tag) => `${name}:${tag}`,
  };
}

function globbed(tag: string): TagSelector {
  return [{ allow: [parseGlob(tag)] }];
}
