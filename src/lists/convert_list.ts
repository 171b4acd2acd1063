/**
 * Lists of other tools, and lists in the default format, as mirror-format lists.
 *
 * @module
 */

import { parse } from "yaml";
import type { RegistryAddress } from "../names/address.ts";
import { describeError, HangarError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { type ImageList, parseImageList } from "./image_list.ts";
import { SHARED_KEYS } from "./yaml/sync_settings.ts";
import { DOCKER_HUB } from "../names/docker_hub.ts";
import {
  checkTag,
  formatReference,
  parseReference,
  parseRepository,
  type Reference,
  type RepositoryName,
} from "../names/reference.ts";

/** What replaces the registries of a converted list. */
export interface ConvertOptions {
  readonly source?: RegistryAddress;
  readonly destination?: RegistryAddress;
}

/** A list, converted. */
export interface ConvertedList {
  /** Lines `SOURCE DESTINATION TAG`, in the order of the input. */
  readonly lines: readonly string[];
  /** Entries that the mirror format cannot express, and why: one line each. */
  readonly left: readonly string[];
  /** Lines that are not images, and why: one line each. */
  readonly invalid: readonly string[];
}

/** Collects lines, and the entries that cannot become one. */
class Conversion {
  readonly lines: string[] = [];
  readonly left: string[] = [];
  readonly invalid: string[] = [];
  readonly #options: ConvertOptions;

  constructor(options: ConvertOptions) {
    this.#options = options;
  }

  /** @param settings what regsync's entry says besides. @default {nothing} */
  add(
    source: Reference,
    target: RepositoryName,
    tag: string,
    settings?: JsonObject,
  ): void {
    const { source: from, destination: to } = this.#options;
    const destination = to?.host ??
      (target.explicitRegistry ? target.registry : undefined);
    this.lines.push(
      [
        `${from?.host ?? source.registry}/${source.repository}`,
        destination === undefined
          ? target.repository
          : `${destination}/${target.repository}`,
        tag,
        ...settings ? [`# regsync ${JSON.stringify(settings)}`] : [],
      ].join(" "),
    );
  }

  /** An image with a digest, as a line of the default format. */
  addPinned(source: Reference): void {
    const registry = this.#options.source?.host ?? source.registry;
    const from = formatReference({ ...source, registry });
    const to = this.#options.destination?.host;
    const { repository, tag } = source;
    const target = to && formatReference({ registry: to, repository, tag });
    this.lines.push(
      target === undefined || tag === undefined
        ? from
        : `${from} # regsync ${JSON.stringify({ target })}`,
    );
  }

  /** Runs a conversion, and notes its failure under a name. */
  attempt(what: string, convert: () => void): void {
    try {
      convert();
    } catch (error) {
      this.left.push(`${what}: ${describeError(error)}`);
    }
  }
}

function inexpressible(why: string): never {
  throw new HangarError("invalid-reference", why);
}

/** Rewrites a list in the default format; mirror-format lines keep their form. */
export function convertImageList(
  text: string,
  name: string,
  options: ConvertOptions = {},
): ConvertedList {
  return convertEntries(parseImageList(text, name), options);
}

/**
 * Rewrites a list of any kind that was read. Lines that choose tags stay as they
 * are: what they come to, their registries know. So do those with settings.
 *
 * @param keepPinned whether images with a digest, which the mirror format has no
 * place for, stay in the default format
 */
export function convertEntries(
  { name, entries, choices = [], invalid }: ImageList,
  options: ConvertOptions = {},
  { keepPinned = false } = {},
): ConvertedList {
  const conversion = new Conversion(options);
  for (const { line, reason } of invalid) {
    conversion.invalid.push(`${name}:${line}: ${reason}`);
  }
  const items = [...entries, ...choices].sort((a, b) => a.ordinal - b.ordinal);
  for (const item of items) {
    conversion.attempt(`${name}:${item.line}`, () => {
      const tag = "tags" in item ? item.glob : item.source.tag;
      if (item.settings || ("tags" in item && tag === undefined)) {
        conversion.lines.push(item.text.trim());
        return;
      }
      const { source, destination } = item;
      if (tag === undefined || "digest" in source && source.digest) {
        if (!keepPinned) {
          inexpressible("the mirror format has no place for a digest");
        }
        conversion.addPinned(source);
        return;
      }
      // --destination says where it goes, so no registry is written.
      const bare = source.repository.includes("/")
        ? source.repository
        : `library/${source.repository}`;
      const target = destination ?? {
        registry: DOCKER_HUB,
        repository: bare,
        explicitRegistry: false,
      };
      conversion.add(source, target, tag);
    });
  }
  return conversion;
}

/**
 * Converts a `regsync.yaml`, which has a `sync` list, or a `skopeo sync` file.
 *
 * @throws {HangarError} `file` when it is neither
 */
export function convertYaml(
  text: string,
  name: string,
  options: ConvertOptions = {},
): ConvertedList {
  let document: unknown;
  try {
    // The limit keeps a small file from filling the memory by aliases.
    document = parse(text, { maxAliasCount: 100 });
  } catch (cause) {
    throw new HangarError(
      "file",
      `${name} is not YAML: ${describeError(cause)}`,
      { cause },
    );
  }
  if (!isJsonObject(document)) {
    throw new HangarError(
      "file",
      `${name} is neither a regsync nor a skopeo sync file`,
    );
  }
  const conversion = new Conversion(options);
  const { sync, defaults } = document;
  if (Array.isArray(sync)) {
    convertRegsync(sync, isJsonObject(defaults) ? defaults : {}, conversion);
  } else convertSkopeoSync(document, conversion);
  return conversion;
}

/** Keys of regsync's that say nothing of what is copied. */
const OF_RUNS = new Set(["schedule", "interval"]);

/** What an entry says that the fields of a line cannot. */
function settingsOf(entry: JsonObject): JsonObject | undefined {
  const said = Object.entries(entry).filter(([key, value]) =>
    SHARED_KEYS.has(key) && !OF_RUNS.has(key) && value !== null
  );
  return said.length > 0 ? Object.fromEntries(said) : undefined;
}

function convertRegsync(
  entries: readonly unknown[],
  defaults: JsonObject,
  conversion: Conversion,
): void {
  for (const [i, entry] of entries.entries()) {
    const source = isJsonObject(entry) ? entry["source"] : undefined;
    conversion.attempt(`sync[${i}] ${String(source ?? "")}`.trim(), () => {
      if (
        !isJsonObject(entry) || typeof source !== "string" ||
        typeof entry["target"] !== "string"
      ) {
        return inexpressible("it lacks source or target");
      }
      const { type } = entry;
      if (type !== "image") {
        return inexpressible(
          `type ${
            JSON.stringify(type)
          } names no single image; list its tags, or give --resolve`,
        );
      }
      for (const key of ["platform", "platforms"]) {
        if (entry[key] !== undefined) {
          return inexpressible(
            `${key} is chosen for a whole run, by --arch, or kept by --resolve`,
          );
        }
      }
      const from = parseReference(source);
      const to = parseReference(entry["target"]);
      if (from.digest !== undefined || to.digest !== undefined) {
        return inexpressible("the mirror format has no place for a digest");
      }
      if (from.tag !== to.tag) {
        return inexpressible(
          `source and target have different tags, ${from.tag} and ${to.tag}; --resolve keeps both`,
        );
      }
      const settings = settingsOf({ ...defaults, ...entry });
      if (settings?.["hooks"]) inexpressible("hangar runs no hooks");
      conversion.add(from, to, from.tag!, settings);
    });
  }
}

function convertSkopeoSync(
  registries: JsonObject,
  conversion: Conversion,
): void {
  for (const [registry, settings] of Object.entries(registries)) {
    if (!isJsonObject(settings)) {
      conversion.left.push(`${registry}: it names no images`);
      continue;
    }
    for (const key of ["images-by-tag-regex", "images-by-semver"]) {
      for (const name of Object.keys(settings[key] ?? {})) {
        conversion.left.push(
          `${registry}/${name}: ${key} names no single image; list its tags, or give --resolve`,
        );
      }
    }
    const images = settings["images"];
    if (!isJsonObject(images)) continue;
    for (const [name, tags] of Object.entries(images)) {
      conversion.attempt(`${registry}/${name}`, () => {
        const source = parseRepository(`${registry}/${name}`);
        if (!Array.isArray(tags) || tags.length === 0) {
          return inexpressible(
            "all tags are wanted; list them, or give --resolve",
          );
        }
        for (const tag of tags) {
          conversion.attempt(`${registry}/${name}:${tag}`, () => {
            if (String(tag).includes(":")) {
              inexpressible("the mirror format has no place for a digest");
            }
            conversion.add(
              source,
              { ...source, explicitRegistry: false },
              checkTag(String(tag)),
            );
          });
        }
      });
    }
  }
}
