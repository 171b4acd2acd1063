/**
 * `regsync.yaml`, version 1, as regsync itself reads it.
 *
 * @module
 */

import type { ImageList, ListChoice, ListEntry } from "../image_list.ts";
import type { TemplateSources } from "../template/run_template.ts";
import { readCredential } from "./regsync_registries.ts";
import { readSync } from "./sync_entry.ts";
import {
  durationOf,
  ENTRY_KEYS,
  only,
  SHARED_KEYS,
  type SyncValues,
} from "./sync_settings.ts";
import type { YamlValue } from "./yaml_values.ts";

/** Keys of `defaults` alone. */
const DEFAULTS_KEYS = new Set([
  "parallel",
  "blobLimit",
  "cacheCount",
  "cacheTime",
  "skipDockerConfig",
  "userAgent",
]);

/** Reads what only regsync's own way of working needs. */
const TUNING = ["blobLimit", "cacheCount", "cacheTime"];

/** Whether a document is regsync's: it has a list `sync`, or at least says so. */
export function isRegsync(document: YamlValue): boolean {
  if (!document.isMap) return false;
  const values = document.map();
  const sync = values.get("sync");
  return sync !== undefined && (sync.isList || values.has("version"));
}

/**
 * Reads the file.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export async function readRegsync(
  document: YamlValue,
  sources: TemplateSources,
): Promise<ImageList> {
  const values = document.map();
  refuseUnknown(document, values);
  const version = values.get("version");
  if (version && !version.isEmpty && version.integer() > 1) {
    version.refuse("hangar knows version 1");
  }
  const defaults = values.get("defaults")?.map() ?? new Map();
  const warnings: string[] = [];
  const common = readDefaults(values.get("defaults"), defaults, warnings);
  const registries = [];
  for (const credential of values.get("creds")?.list() ?? []) {
    registries.push(await readCredential(credential, sources, warnings));
  }
  const entries: ListEntry[] = [];
  const choices: ListChoice[] = [];
  for (const sync of values.get("sync")?.list() ?? []) {
    const ordinal = entries.length + choices.length + 1;
    const item = await readEntry(sync, defaults, sources);
    const place = { line: sync.line, ordinal };
    if ("tags" in item) choices.push({ ...item, ...place });
    else entries.push({ ...item, ...place });
  }
  return {
    name: document.file,
    entries,
    choices,
    invalid: [],
    settings: { ...common, registries },
    warnings,
  };
}

/** Values that are there to be repeated by others are no settings. */
function refuseUnknown(document: YamlValue, values: SyncValues): void {
  const settings = new Map(
    [...values].filter(([key, value]) =>
      !key.startsWith("x-") && !key.startsWith(".") && !value.hasAnchor
    ),
  );
  only(document, settings, new Set(["version", "creds", "defaults", "sync"]));
}

function readDefaults(
  whole: YamlValue | undefined,
  values: SyncValues,
  warnings: string[],
): ImageList["settings"] {
  if (!whole) return {};
  only(whole, values, SHARED_KEYS.union(DEFAULTS_KEYS));
  for (const key of TUNING) {
    const value = values.get(key);
    if (!value || value.isEmpty) continue;
    warnings.push(
      `${value.file}:${value.line}: ${value.path} has no effect: it sets how regsync itself works`,
    );
  }
  checkTimes(values);
  const parallel = values.get("parallel");
  return {
    jobs: parallel && !parallel.isEmpty
      ? parallel.integer() || undefined
      : undefined,
    userAgent: values.get("userAgent")?.text() || undefined,
    withoutAuthFiles: values.get("skipDockerConfig")?.bool(),
  };
}

/** When it is to be run is the business of who runs it. */
function checkTimes(values: SyncValues): void {
  values.get("schedule")?.text();
  const interval = values.get("interval");
  if (interval && !interval.isEmpty) durationOf(interval);
}

async function readEntry(
  sync: YamlValue,
  defaults: SyncValues,
  sources: TemplateSources,
) {
  const own = sync.map();
  only(sync, own, SHARED_KEYS.union(ENTRY_KEYS));
  checkTimes(own);
  const shared = [...defaults].filter(([key]) => SHARED_KEYS.has(key));
  const values = new Map([...shared, ...own]);
  const text = (key: string) => own.get(key)?.text() ?? "";
  return await readSync(
    {
      whole: sync,
      source: text("source"),
      target: text("target"),
      type: text("type"),
      values,
    },
    sources,
  );
}
