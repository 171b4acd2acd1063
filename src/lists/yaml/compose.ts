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

const VARIABLE = /\$(?:\$|\{(\w+)(?:(:?[-?+])([^}]*))?\}|(\w+))/g;

/** The text with its variables, or the name of one that is not set. */
function interpolate(
  text: string,
  env: (name: string) => string | undefined,
): string | { readonly missing: string } {
  let missing: string | undefined;
  const filled = text.replaceAll(
    VARIABLE,
    (
      whole: string,
      braced: string | undefined,
      operator: string | undefined,
      other = "",
      bare?: string,
    ) => {
      if (whole === "$$") return "$";
      const name = braced ?? bare!;
      const value = env(name);
      const isSet = value !== undefined &&
        (value !== "" || !operator?.startsWith(":"));
      if (operator?.endsWith("+")) return isSet ? other : "";
      if (isSet) return value;
      if (operator?.endsWith("-")) return other;
      missing ??= name;
      return "";
    },
  );
  return missing === undefined ? filled : { missing };
}
