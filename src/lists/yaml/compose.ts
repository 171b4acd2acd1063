/**
 * Compose files: the images of their services.
 *
 * @module
 */

import type { ImageList } from "../image_list.ts";
import { ImageCollector } from "./kubernetes.ts";
import type { YamlValue } from "./yaml_values.ts";

/** Whether a document is a compose file. */
export function isCompose(document: YamlValue): boolean {
  if (!document.isMap) return false;
  const services = document.map().get("services");
  return services?.isMap === true &&
    [...services.map().values()].every((s) => s.isMap || s.isEmpty);
}

/**
 * Reads the file. Of variables, the defaults are taken (`${TAG:-1.2}`), and
 * those of the environment.
 *
 * @throws {HangarError} `usage`, naming key and line
 */
export function readCompose(
  document: YamlValue,
  env: (name: string) => string | undefined,
): ImageList {
  const collector = new ImageCollector();
  const invalid = [];
  for (const service of document.map().get("services")!.map().values()) {
    const values = service.map();
    const image = values.get("image");
    // What is built here is pulled from nowhere.
    if (!image || image.isEmpty || isBuilt(values.get("build"))) continue;
    if (image.text().length > MAX_TEXT) image.refuse("this is no image");
    const text = interpolate(image.text(), env);
    if (typeof text === "string") collector.add(image, text);
    else {
      invalid.push({
        line: image.line,
        text: image.text(),
        reason: `the variable ${text.missing} is not set`,
      });
    }
  }
  const list = collector.list(document.file);
  return {
    ...list,
    invalid: [...list.invalid, ...invalid].sort((a, b) => a.line - b.line),
  };
}

function isBuilt(build: YamlValue | undefined): boolean {
  return build !== undefined && !build.isEmpty;
}

/** No image has a name of so many characters. */
const MAX_TEXT = 4096;

/** So deep may the default of a variable name others. */
const MAX_NESTED = 20;

/** `NAME`, or `NAME:-OTHER` as it stands in braces. */
const BRACED = /^(\w+)(?:(:?[-?+])(.*))?$/s;

/** The text with its variables, or the name of one that is not set. */
function interpolate(
  text: string,
  env: (name: string) => string | undefined,
): string | { readonly missing: string } {
  let missing: string | undefined;
  const valueOf = (
    [, name = "", operator, other = ""]: RegExpExecArray,
    depth: number,
  ): string => {
    const value = env(name);
    const isSet = value !== undefined &&
      (value !== "" || !operator?.startsWith(":"));
    if (operator?.endsWith("+")) return isSet ? fill(other, depth + 1) : "";
    if (isSet) return value;
    if (operator?.endsWith("-")) return fill(other, depth + 1);
    missing ??= name;
    return "";
  };
  const fill = (text: string, depth: number): string => {
    let filled = "";
    for (let at = 0; at < text.length;) {
      const dollar = text.indexOf("$", at);
      if (dollar < 0 || depth > MAX_NESTED) return filled + text.slice(at);
      filled += text.slice(at, dollar);
      const { length, variable } = variableAt(text, dollar);
      filled += variable ? valueOf(variable, depth) : "$";
      at = dollar + length;
    }
    return filled;
  };
  const filled = fill(text, 0);
  return missing === undefined ? filled : { missing };
}

/** The variable that a `$` begins, and how long that is; `$$` is a `$`. */
function variableAt(
  text: string,
  dollar: number,
): { readonly length: number; readonly variable?: RegExpExecArray } {
  if (text[dollar + 1] === "$") return { length: 2 };
  if (text[dollar + 1] !== "{") {
    const [name = ""] = /^\w+/.exec(text.slice(dollar + 1)) ?? [];
    const variable = BRACED.exec(name) ?? undefined;
    return { length: 1 + name.length, variable };
  }
  let open = 1;
  let end = dollar + 2;
  for (; end < text.length && open > 0; end++) {
    if (text[end] === "}") open--;
    else if (text.startsWith("${", end)) open++;
  }
  const variable = open === 0
    ? BRACED.exec(text.slice(dollar + 2, end - 1))
    : null;
  return variable ? { length: end - dollar, variable } : { length: 1 };
}
