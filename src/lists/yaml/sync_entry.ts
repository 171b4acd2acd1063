/**
 * One `sync` entry of regsync: of a file, or behind a line of a text list.
 *
 * @module
 */

import {
  canonicalHost,
  formatReference,
  parseReference,
  parseRepository,
  type RepositoryName,
} from "../../names/reference.ts";
import type { EntrySettings } from "../entry_settings.ts";
import type { ListChoice, ListEntry } from "../image_list.ts";
import type { TagSelector } from "../tags/tag_rules.ts";
import {
  fillTemplate,
  type TemplateSources,
  type TemplateValue,
} from "../template/run_template.ts";
import {
  at,
  readRepositories,
  readSettings,
  readTags,
  type SyncValues,
} from "./sync_settings.ts";
import type { YamlValue } from "./yaml_values.ts";

/** What an entry comes to, apart from where it stands. */
export type SyncItem =
  | Pick<ListEntry, "source" | "destination" | "settings" | "text">
  | Omit<ListChoice, "line" | "ordinal">;

/** An entry as it is written. */
export interface WrittenSync {
  /** Where errors are told that no key has. */
  readonly whole: YamlValue;
  readonly source: string;
  readonly target: string;
  readonly type: string;
  /** All of its keys, with those of `defaults`. */
  readonly values: SyncValues;
}

/**
 * Reads an entry.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export async function readSync(
  written: WrittenSync,
  sources: TemplateSources,
): Promise<SyncItem> {
  const { whole, values, type } = written;
  const valueOf = (key: string) => values.get(key) ?? whole;
  const filled = new Map<string, string>([
    ["source", written.source],
    ["target", written.target],
  ]);
  for (const key of ["referrerSource", "referrerTarget"]) {
    const text = values.get(key)?.text();
    if (text) filled.set(key, text);
  }
  // In the order of regsync: later ones see what earlier ones came to.
  for (const key of ["source", "referrerSource", "target", "referrerTarget"]) {
    const text = filled.get(key);
    if (!text?.includes("{{")) continue;
    const sync = templateSync(written, filled);
    const done = await fillTemplate(text, { Sync: sync }, sources)
      .catch((error) =>
        at(valueOf(key), () => {
          throw error;
        })
      );
    filled.set(key, done);
  }
  const source = filled.get("source")!;
  const target = filled.get("target")!;
  for (const [key, name] of [["source", source], ["target", target]] as const) {
    if (name === "") whole.refuse(`it lacks ${key}`);
    if (/^oci(?:dir|file):/.test(name)) {
      valueOf(key).refuse(
        "hangar reads and writes registries here, no layouts",
      );
    }
  }
  const sync = templateSync(written, filled);
  const settings = readSettings(values, { sync, sources, filled });
  const place = { whole, source, target, settings, values, valueOf };
  switch (type) {
    case "image":
      return readImage(place);
    case "repository": {
      const names = {
        source: at(valueOf("source"), () => parseRepository(source)),
        target: at(valueOf("target"), () => parseRepository(target)),
      };
      return {
        ...choiceOf(names, place, readTags(values)),
        text: textOf(type, place),
      };
    }
    case "registry":
      return readRegistry(place);
    default:
      return valueOf("type").refuse(
        `want image, repository or registry, not ${JSON.stringify(type)}`,
      );
  }
}

interface Place {
  readonly whole: YamlValue;
  readonly source: string;
  readonly target: string;
  readonly settings: EntrySettings;
  readonly values: SyncValues;
  readonly valueOf: (key: string) => YamlValue;
}

function readImage(place: Place): SyncItem {
  const { settings, valueOf } = place;
  const source = at(valueOf("source"), () => parseReference(place.source));
  const target = at(valueOf("target"), () => parseReference(place.target));
  if (target.digest !== undefined && target.digest !== source.digest) {
    valueOf("target").refuse("a target has the digest of its source");
  }
  const isSimple = source.digest === undefined && source.tag === target.tag;
  return {
    source,
    destination: { ...target, explicitRegistry: true },
    settings,
    text: isSimple
      ? lineOf({ source, target }, source.tag!, place)
      : textOf("image", place),
  };
}

interface Names {
  readonly source: RepositoryName;
  readonly target: RepositoryName;
}

function choiceOf(
  { source, target }: Names,
  place: Place,
  tags: TagSelector,
): Omit<ListChoice, "line" | "ordinal" | "text"> {
  return {
    source,
    destination: { ...target, explicitRegistry: true },
    tags,
    settings: place.settings,
    textOf: (tag) => lineOf({ source, target }, tag, place),
  };
}

function readRegistry(place: Place): SyncItem {
  const { values, valueOf } = place;
  const registry = canonicalHost(place.source) ??
    valueOf("source").refuse("want a registry, as HOST or HOST:PORT");
  // A name must be possible behind it.
  at(valueOf("target"), () => parseRepository(`${place.target}/a/b`));
  const tags = readTags(values);
  const text = textOf("registry", place);
  const none: Names = {
    source: { registry, repository: "", explicitRegistry: true },
    target: { registry, repository: "", explicitRegistry: true },
  };
  return {
    ...choiceOf(none, place, tags),
    text,
    catalog: {
      rule: readRepositories(values),
      choose: (name) => ({
        ...choiceOf(
          {
            source: parseRepository(`${place.source}/${name}`),
            target: parseRepository(`${place.target}/${name}`),
          },
          place,
          tags,
        ),
        text,
      }),
    },
  };
}

const NAMING = new Set(["source", "target", "type"]);
const CHOOSING = new Set(["tags", "tagSets", "repos"]);

/** The settings as JSON, with what templates came to. */
function plainOf(
  { values, settings }: Place,
  without: (key: string) => boolean,
): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of values) {
    if (NAMING.has(key) || without(key) || value.isEmpty) continue;
    plain[key] = value.plain();
  }
  const { referrerSource, referrerTarget } = settings;
  if (referrerSource) plain["referrerSource"] = formatReference(referrerSource);
  if (referrerTarget) plain["referrerTarget"] = formatReference(referrerTarget);
  return plain;
}

/** `SOURCE DESTINATION TAG # regsync {…}` */
function lineOf(
  { source, target }: {
    readonly source: Pick<RepositoryName, "registry" | "repository">;
    readonly target: Pick<RepositoryName, "registry" | "repository">;
  },
  tag: string,
  place: Place,
): string {
  const nameOf = ({ registry, repository }: typeof source) =>
    formatReference({ registry, repository });
  const plain = plainOf(place, (key) => CHOOSING.has(key));
  return `${nameOf(source)} ${nameOf(target)} ${tag} # regsync ${
    JSON.stringify(plain)
  }`;
}

/** `SOURCE # regsync {…}`, where the three fields cannot say it. */
function textOf(type: string, place: Place): string {
  const isImage = type === "image";
  const plain = plainOf(place, (key) => isImage && CHOOSING.has(key));
  const { source, target } = place;
  return `${source} # regsync ${
    JSON.stringify({ ...(!isImage && { type }), target, ...plain })
  }`;
}

/** The fields of regsync's entry, as templates name them. */
function templateSync(
  { type, values }: WrittenSync,
  filled: ReadonlyMap<string, string>,
): TemplateValue {
  const text = (key: string) => values.get(key)?.text() ?? "";
  const texts = (value: YamlValue | undefined) =>
    value?.list().map((item) => item.text()) ?? [];
  const rule = (value: YamlValue | undefined) => ({
    Allow: texts(value?.map().get("allow")),
    Deny: texts(value?.map().get("deny")),
    SemverRange: texts(value?.map().get("semverRange")),
  });
  return {
    Source: filled.get("source") ?? "",
    Target: filled.get("target") ?? "",
    Type: type,
    Tags: rule(values.get("tags")),
    TagSets: values.get("tagSets")?.list().map(rule) ?? [],
    Repos: rule(values.get("repos")),
    ReferrerSrc: filled.get("referrerSource") ?? "",
    ReferrerTgt: filled.get("referrerTarget") ?? "",
    Platform: text("platform"),
    Platforms: texts(values.get("platforms")),
    Backup: text("backup"),
    Schedule: text("schedule"),
    Interval: text("interval"),
    MediaTypes: texts(values.get("mediaTypes")),
  };
}
