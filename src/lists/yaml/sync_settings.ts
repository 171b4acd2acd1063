/**
 * The settings of one `sync` entry of regsync.
 *
 * @module
 */

import { parseDuration } from "../../duration.ts";
import { describeError, HangarError } from "../../errors.ts";
import {
  parseReference,
  type Reference,
  type RepositoryName,
} from "../../names/reference.ts";
import type {
  EntrySettings,
  RateLimitSetting,
  ReferrerFilter,
} from "../entry_settings.ts";
import { compileAnchored } from "../tags/re2.ts";
import { parseRange } from "../tags/regsync_versions.ts";
import type { TagRule, TagSelector } from "../tags/tag_rules.ts";
import { parseTemplate } from "../template/parse_template.ts";
import {
  fillTemplate,
  type TemplateSources,
  type TemplateValue,
} from "../template/run_template.ts";
import { parseOnePlatform, parsePlatforms } from "./platforms.ts";
import type { YamlValue } from "./yaml_values.ts";

/** The values of an entry, by key. */
export type SyncValues = ReadonlyMap<string, YamlValue>;

/** Keys that an entry and `defaults` may both have. */
export const SHARED_KEYS: ReadonlySet<string> = new Set([
  "backup",
  "interval",
  "schedule",
  "ratelimit",
  "digestTags",
  "referrers",
  "referrerFilters",
  "referrerSource",
  "referrerTarget",
  // It concerns layouts on disk alone.
  "referrerSlow",
  "fastCheck",
  "forceRecursive",
  "includeExternal",
  "mediaTypes",
  "hooks",
]);

/** Keys of an entry alone. */
export const ENTRY_KEYS: ReadonlySet<string> = new Set([
  "source",
  "target",
  "type",
  "tags",
  "tagSets",
  "repos",
  "platform",
  "platforms",
]);

/** As in regsync, a limit is not looked at more often. */
const MIN_RETRY_MS = 5 * 60_000;

/** Turns what a parser throws into an error that names key and line. */
export function at<T>(value: YamlValue, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof HangarError && error.cause === undefined) {
      return value.refuse(error.message);
    }
    return value.refuse(describeError(error));
  }
}

/** What templates of an entry are filled in with. */
export interface SyncTemplates {
  /** What they call `.Sync`. */
  readonly sync: TemplateValue;
  readonly sources: TemplateSources;
  /** Those that are filled in already, by key. */
  readonly filled: ReadonlyMap<string, string>;
}

/**
 * Reads what an entry says, apart from where it comes from and goes to.
 *
 * @param values its own, and those of `defaults`
 * @throws {HangarError} `usage`, naming key and line
 */
export function readSettings(
  values: SyncValues,
  templates: SyncTemplates,
): EntrySettings {
  refuseHooks(values.get("hooks"));
  const bool = (key: string) => {
    const value = values.get(key);
    return value === undefined || value.isEmpty ? undefined : value.bool();
  };
  const filled = (key: string) => {
    const value = values.get(key);
    return value === undefined || value.isEmpty || value.isList
      ? undefined
      : value.text() === ""
      ? undefined
      : value;
  };
  const some = (key: string) => {
    const list = values.get(key)?.list() ?? [];
    return list.length === 0 ? undefined : list;
  };
  const platform = filled("platform");
  const platforms = some("platforms");
  if (platform && platforms) {
    platform.refuse("platform and platforms contradict each other");
  }
  const backup = filled("backup");
  return {
    platform: platform &&
      at(platform, () => parseOnePlatform(platform.text())),
    platforms: platforms &&
      at(
        values.get("platforms")!,
        () => parsePlatforms(platforms.map((p) => p.text())),
      ),
    digestTags: bool("digestTags"),
    referrers: bool("referrers"),
    referrerFilters: some("referrerFilters")?.map(referrerFilter),
    referrerSource: repository("referrerSource", values, templates),
    referrerTarget: repository("referrerTarget", values, templates),
    fastCheck: bool("fastCheck"),
    forceRecursive: bool("forceRecursive"),
    includeExternal: bool("includeExternal"),
    mediaTypes: some("mediaTypes")?.map((type) => type.text()),
    backup: backup && backupOf(backup, templates),
    rateLimit: rateLimit(values.get("ratelimit")),
  };
}

function refuseHooks(hooks: YamlValue | undefined): void {
  for (const hook of hooks?.map().values() ?? []) {
    if (hook.isEmpty) continue;
    hook.refuse("hangar runs no hooks, and regsync does not either: remove it");
  }
}

function repository(
  key: string,
  values: SyncValues,
  { filled }: SyncTemplates,
): RepositoryName | undefined {
  const text = filled.get(key);
  return !text ? undefined : at(values.get(key)!, () => {
    const { registry, repository } = parseReference(text);
    return { registry, repository, explicitRegistry: true };
  });
}

function referrerFilter(value: YamlValue): ReferrerFilter {
  const values = value.map();
  only(value, values, new Set(["artifactType", "annotations"]));
  const annotations = values.get("annotations");
  return {
    artifactType: values.get("artifactType")?.text() || undefined,
    annotations: annotations && Object.fromEntries(
      [...annotations.map()].map(([key, value]) => [key, value.text()]),
    ),
  };
}

function rateLimit(value: YamlValue | undefined): RateLimitSetting | undefined {
  if (!value) return undefined;
  const values = value.map();
  only(value, values, new Set(["min", "retry"]));
  const min = values.get("min")?.integer() ?? 0;
  const retry = values.get("retry");
  const retryMs = retry ? durationOf(retry) : 0;
  return min === 0
    ? undefined
    : { min, retryMs: Math.max(retryMs, MIN_RETRY_MS) };
}

/** A duration, in ms. */
export function durationOf(value: YamlValue): number {
  const ms = parseDuration(value.text());
  return ms ?? value.refuse("want a duration, such as 15m");
}

function backupOf(
  value: YamlValue,
  { sync, sources }: SyncTemplates,
): (replaced: Reference) => Promise<Reference> {
  const template = value.text();
  at(value, () => parseTemplate(template));
  return async (replaced) => {
    const text = (await fillTemplate(template, {
      Ref: templateReference(replaced),
      Step: sync,
      Sync: sync,
    }, sources)).trim();
    if (/[:/]/.test(text)) return parseReference(text);
    const { registry, repository } = replaced;
    return parseReference(`${registry}/${repository}:${text}`);
  };
}

function templateReference(reference: Reference): TemplateValue {
  const { registry, repository, tag = "", digest = "" } = reference;
  const name = `${registry}/${repository}${tag && `:${tag}`}${
    digest && `@${digest}`
  }`;
  return {
    Scheme: "reg",
    Reference: name,
    CommonName: name,
    Registry: registry,
    Repository: repository,
    Tag: tag,
    Digest: digest,
    Path: "",
  };
}

/** Which tags an entry of type repository or registry asks for. */
export function readTags(values: SyncValues): TagSelector {
  const sets = values.get("tagSets")?.list() ?? [];
  const tags = values.get("tags");
  const rules = sets.map(tagRule);
  const own = tags && !tags.isEmpty ? tagRule(tags) : {};
  // As in regsync, an empty `tags` adds nothing, an empty set adds all.
  return own.allow || own.deny || own.ranges ? [...rules, own] : rules;
}

function tagRule(value: YamlValue): TagRule {
  const values = value.map();
  only(value, values, new Set(["allow", "deny", "semverRange"]));
  const ranges = (values.get("semverRange")?.list() ?? [])
    .filter((range) => range.text() !== "")
    .map((range) => at(range, () => parseRange(range.text())));
  return { ...readRule(values), ...(ranges.length > 0 && { ranges }) };
}

/** Which repositories an entry of type registry asks for. */
export function readRepositories(values: SyncValues): TagRule {
  const repos = values.get("repos");
  if (!repos) return {};
  const own = repos.map();
  only(repos, own, new Set(["allow", "deny"]));
  return readRule(own);
}

function readRule(values: SyncValues): TagRule {
  const patterns = (key: string) => {
    const list = values.get(key)?.list() ?? [];
    return list.length === 0
      ? undefined
      : list.map((value) => at(value, () => compileAnchored(value.text())));
  };
  const [allow, deny] = [patterns("allow"), patterns("deny")];
  return { ...(allow && { allow }), ...(deny && { deny }) };
}

/**
 * Refuses keys that are not known: what they ask for would be left undone.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export function only(
  parent: YamlValue,
  values: SyncValues,
  known: ReadonlySet<string>,
): void {
  for (const [key, value] of values) {
    if (known.has(key)) continue;
    value.refuse(
      `hangar does not know this key of ${parent.path || "the file"}`,
    );
  }
}
