/**
 * Mirrors, other locations and blocked registries: registries.conf, version 2
 * (containers-registries.conf(5)).
 *
 * @module
 */

import { parse as parseToml, TomlError } from "smol-toml";
import { HangarError, printable } from "../errors.ts";
import { isJsonObject } from "../json.ts";
import {
  formatReference,
  parseReference,
  type Reference,
} from "../names/reference.ts";

/** One file. */
export interface RegistriesConfFile {
  readonly name: string;
  readonly text: string;
}

/** A place to read an image from. */
export interface PullEndpoint {
  readonly reference: Reference;
  /** Whether certificates are not checked there, and plain HTTP is allowed. */
  readonly insecure: boolean;
}

interface Mirror {
  readonly location: string;
  readonly insecure: boolean;
  /** Which references it is used for. */
  readonly serves: "all" | "digest-only" | "tag-only";
}

interface Entry {
  readonly prefix: string;
  /** Undefined for a wildcard prefix: the reference stays as it is. */
  readonly location?: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
  /** The file that has it. */
  readonly file: string;
}

/** The entries of all files. */
export class RegistriesConf {
  readonly #entries = new Map<string, Entry>();

  /**
   * @param files each overrides those before it, prefix by prefix
   * @throws {HangarError} `file` when one cannot be understood
   */
  constructor(files: readonly RegistriesConfFile[]) {
    for (const file of files) {
      for (const entry of parseFile(file)) {
        this.#entries.set(entry.prefix, entry);
      }
    }
    checkConflicts([...this.#entries.values()]);
  }

  /** Whether there is no entry. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /**
   * Where to read an image, in order: its mirrors, then its location. Blocked
   * places are left out.
   *
   * @throws {HangarError} `blocked` when nothing is left
   */
  pullFrom(reference: Reference): PullEndpoint[] {
    const entry = this.#find(reference);
    if (!entry) return [{ reference, insecure: false }];
    const isPinned = reference.digest !== undefined;
    const places = [
      ...entry.mirrors.filter(({ serves }) =>
        serves === "all" || (serves === "digest-only") === isPinned
      ),
      entry,
    ];
    const all = places.map((place) => ({
      reference: rewrite(reference, entry, place.location),
      insecure: place.insecure,
    }));
    const allowed = all.filter((e) => !this.#find(e.reference)?.blocked);
    if (allowed.length > 0) return allowed;
    throw blocked(reference, this.#find(all.at(-1)!.reference) ?? entry);
  }

  /**
   * Whether a repository is written without checking certificates.
   *
   * @throws {HangarError} `blocked`
   */
  isInsecure(reference: Reference): boolean {
    const entry = this.#find(reference);
    if (entry?.blocked) throw blocked(reference, entry);
    return entry?.insecure ?? false;
  }

  /**
   * Whether a registry, `host[:port]`, is reached without checking certificates.
   *
   * @throws {HangarError} `blocked`
   */
  isInsecureHost(host: string): boolean {
    const entry = this.#findName(host);
    if (entry?.blocked) throw blocked(host, entry);
    return entry?.insecure ?? false;
  }

  #find({ registry, repository }: Reference): Entry | undefined {
    return this.#findName(`${registry}/${repository}`);
  }

  /** The entry with the longest prefix of a name. */
  #findName(name: string): Entry | undefined {
    let found: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.prefix.length <= (found?.prefix.length ?? 0)) continue;
      if (matchedLength(name, entry.prefix) !== undefined) found = entry;
    }
    return found;
  }
}

function blocked(what: Reference | string, { prefix, file }: Entry) {
  const name = typeof what === "string" ? what : formatReference(what);
  return new HangarError("blocked", `${file} blocks ${prefix}: ${name}`);
}

const BOUNDARIES = [":", "/", "@"];

/**
 * How much of a reference a prefix covers; undefined when it does not match.
 * `*.example.com` covers any host below example.com.
 */
function matchedLength(name: string, prefix: string): number | undefined {
  let end = prefix.length;
  if (prefix.startsWith("*.")) {
    const at = name.indexOf(prefix.slice(1));
    if (at < 0 || name.slice(0, at).includes("/")) return undefined;
    end = at + prefix.length - 1;
  } else if (!name.startsWith(prefix)) return undefined;
  return end === name.length || BOUNDARIES.includes(name[end]!)
    ? end
    : undefined;
}

function rewrite(
  reference: Reference,
  { prefix, file }: Entry,
  location: string | undefined,
): Reference {
  if (location === undefined) return reference;
  const name = formatReference(reference);
  const rewritten = location + name.slice(matchedLength(name, prefix));
  try {
    return parseReference(rewritten);
  } catch (cause) {
    throw new HangarError(
      "file",
      `${file}: ${prefix} leads from ${name} to ${rewritten}, which is not a reference`,
      { cause },
    );
  }
}

function parseFile({ name, text }: RegistriesConfFile): Entry[] {
  let toml: Record<string, unknown>;
  try {
    toml = parseToml(text);
  } catch (cause) {
    const why = cause instanceof TomlError
      ? `line ${cause.line}: ${cause.message.split("\n")[0]}`
      : String(cause);
    throw new HangarError("file", `${name} is not TOML: ${printable(why)}`, {
      cause,
    });
  }
  if (toml["registries"] !== undefined) {
    throw new HangarError(
      "file",
      `${name} is in version 1 of its format ([registries.…]), which is no longer read`,
      {
        hint:
          'write each insecure or blocked registry as [[registry]] with location = "HOST" and insecure = true or blocked = true',
      },
    );
  }
  const entries = tablesOf(toml["registry"], `${name}: registry`);
  return entries.map((table, i) =>
    parseEntry(table, `${name}: registry ${i + 1}`, name)
  );
}

function parseEntry(
  table: Record<string, unknown>,
  where: string,
  file: string,
): Entry {
  const location = locationOf(table["location"], `${where}: location`);
  const prefix = locationOf(table["prefix"], `${where}: prefix`) ?? location;
  if (prefix === undefined) {
    throw new HangarError("file", `${where} has neither prefix nor location`);
  }
  if (location === undefined && !prefix.startsWith("*.")) {
    throw new HangarError("file", `${where} (${prefix}) has no location`);
  }
  if (table["pull-from-mirror"] !== undefined) {
    throw new HangarError(
      "file",
      `${where} (${prefix}): pull-from-mirror belongs into its mirrors`,
    );
  }
  const digestOnly = booleanOf(
    table["mirror-by-digest-only"],
    `${where}: mirror-by-digest-only`,
  );
  const mirrors = tablesOf(table["mirror"], `${where}: mirror`).map(
    (mirror, i) => parseMirror(mirror, `${where}: mirror ${i + 1}`, digestOnly),
  );
  return {
    prefix,
    location,
    insecure: booleanOf(table["insecure"], `${where}: insecure`),
    blocked: booleanOf(table["blocked"], `${where}: blocked`),
    mirrors,
    file,
  };
}

function parseMirror(
  table: Record<string, unknown>,
  where: string,
  digestOnly: boolean,
): Mirror {
  const location = locationOf(table["location"], `${where}: location`);
  if (location === undefined) {
    throw new HangarError("file", `${where} has no location`);
  }
  const given = table["pull-from-mirror"];
  if (given !== undefined && given !== "" && digestOnly) {
    throw new HangarError(
      "file",
      `${where}: pull-from-mirror and mirror-by-digest-only exclude each other`,
    );
  }
  const serves = given === undefined || given === ""
    ? digestOnly ? "digest-only" : "all"
    : given;
  if (serves !== "all" && serves !== "digest-only" && serves !== "tag-only") {
    throw new HangarError(
      "file",
      `${where}: pull-from-mirror is ${
        JSON.stringify(serves)
      }, want "all", "digest-only" or "tag-only"`,
    );
  }
  const insecure = booleanOf(table["insecure"], `${where}: insecure`);
  return { location, insecure, serves };
}

function tablesOf(value: unknown, where: string): Record<string, unknown>[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) {
    return value.map((item: unknown, i) => {
      if (isJsonObject(item)) return { ...item };
      throw new HangarError("file", `${where} ${i + 1} is not a table`);
    });
  }
  throw new HangarError(
    "file",
    `${where} is not a list of tables: write [[…]]`,
  );
}

function booleanOf(value: unknown, where: string): boolean {
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw new HangarError("file", `${where} is neither true nor false`);
}

/** A location or prefix; undefined when it is empty. */
function locationOf(value: unknown, where: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") {
    throw new HangarError("file", `${where} is not a string`);
  }
  if (/^https?:\/\//.test(value)) {
    throw new HangarError(
      "file",
      `${where} is ${JSON.stringify(value)}: want HOST[:PORT][/PATH], no URL`,
    );
  }
  let end = value.length;
  while (value[end - 1] === "/") end--;
  return value.slice(0, end) || undefined;
}

/** Entries with the same location must agree on it. */
function checkConflicts(entries: readonly Entry[]): void {
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    if (entry.location === undefined) continue;
    const other = seen.get(entry.location);
    seen.set(entry.location, other ?? entry);
    for (const key of ["insecure", "blocked"] as const) {
      if (other && other[key] !== entry[key]) {
        throw new HangarError(
          "file",
          `${entry.file}: ${entry.location} is ${key} for ${
            entry[key] ? entry.prefix : other.prefix
          } and not for ${entry[key] ? other.prefix : entry.prefix}`,
        );
      }
    }
  }
}
