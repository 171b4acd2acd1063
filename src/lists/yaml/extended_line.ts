/**
 * What stands behind a line of a text list and its fields cannot say: the
 * settings of an entry as `# regsync {…}`, and a choice of tags as `# tags {…}`.
 * Failed lists and converted lists have it.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { TemplateSources } from "../template/run_template.ts";
import { readSync, type SyncItem } from "./sync_entry.ts";
import { parseRepository } from "../../names/reference.ts";
import type { ExtendedLine, FoundExtension } from "../image_list.ts";
import { compileExpression } from "../tags/re2.ts";
import { parseConstraint } from "../tags/semver_constraint.ts";
import { at, ENTRY_KEYS, only, SHARED_KEYS } from "./sync_settings.ts";
import { YamlValue } from "./yaml_values.ts";

/** A line: a text that people pass around must not read files or variables. */
const NO_SOURCES: Omit<TemplateSources, "now"> = {
  env: refuseSource,
  readFile: () => Promise.reject(refused()),
};

function refused(): HangarError {
  return new HangarError(
    "usage",
    "a line of a list has no access to files and variables",
  );
}

function refuseSource(): never {
  throw refused();
}

/**
 * Reads such a line; it has one field, or three.
 *
 * @param name the list's
 * @throws {HangarError} `usage`
 */
export async function readExtension(
  { line, fields, kind, json }: FoundExtension,
  name: string,
): Promise<ExtendedLine> {
  if (fields.length !== 1 && fields.length !== 3) {
    throw new HangarError(
      "usage",
      "want IMAGE, or SOURCE DESTINATION TAG, before the settings",
    );
  }
  const [whole] = YamlValue.parse(json, name, line - 1);
  return kind === "regsync"
    ? await readSyncLine(fields, whole!)
    : readChoice(fields, whole!);
}

/** `SOURCE DESTINATION * # tags {"regex": "…"}` */
function readChoice(
  fields: readonly string[],
  whole: YamlValue,
): ExtendedLine {
  const [source = "", destination = "", tag] = fields;
  const values = whole.map();
  only(whole, values, new Set(["regex", "semver"]));
  const [regex, range] = [values.get("regex"), values.get("semver")];
  if (tag !== "*" || (regex === undefined) === (range === undefined)) {
    whole.refuse("want SOURCE DESTINATION * before regex or semver");
  }
  return {
    source: parseRepository(source),
    destination: parseRepository(destination),
    tags: [
      regex
        ? { allow: [at(regex, () => compileExpression(regex.text()))] }
        : { ranges: [at(range!, () => parseConstraint(range!.text()))] },
    ],
    textOf: (tag) => `${source} ${destination} ${tag}`,
  };
}

async function readSyncLine(
  fields: readonly string[],
  whole: YamlValue,
): Promise<SyncItem> {
  const values = whole.map();
  const known = SHARED_KEYS.union(ENTRY_KEYS);
  known.delete("source");
  only(whole, values, known);
  const [source = "", target = "", tag = ""] = fields;
  const text = (key: string) => values.get(key)?.text();
  const names = fields.length === 3
    ? {
      source: `${source}:${tag}`,
      target: `${target}:${tag}`,
      type: "image",
    }
    : {
      source,
      target: text("target") ?? "",
      type: text("type") ?? "image",
    };
  if ([names.source, names.target].some((name) => name.includes("{{"))) {
    whole.refuse("a line has no templates in its names");
  }
  return await readSync({ whole: whole, values, ...names }, NO_SOURCES);
}
