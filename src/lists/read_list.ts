/**
 * A list of any kind, known by its content.
 *
 * @module
 */

import { describeError, HangarError } from "../errors.ts";
import {
  type ExtendedLine,
  findExtensions,
  type ImageList,
  parseImageList,
} from "./image_list.ts";
import { type ReadListOptions, refuseScoped } from "./read_options.ts";

/** The first line that says anything. */
const FIRST_LINE = /^(?:[ \t]*(?:(?:#|\/\/)[^\n]*)?\r?\n)*[ \t]*([^\n]*)/;

/** `---`, `key:` with or without a value, an object of JSON. */
const YAML_LINE =
  /^(?:---(?:\s|$)|%YAML\b|\{|(?:"[^"\n]*"|'[^'\n]*'|[^\s'"#][^\s#]*)[ \t]*:(?:\s|$))/;

/** Whether a text is YAML rather than lines of images. */
export function looksLikeYaml(text: string): boolean {
  const first = FIRST_LINE.exec(text.replace(/^\ufeff/, ""))?.[1] ?? "";
  return YAML_LINE.test(first);
}

/**
 * Reads a list: text, `regsync.yaml`, `skopeo sync`, Kubernetes manifests, or a
 * compose file.
 *
 * @throws {HangarError} `usage`, where a file cannot be honoured as it is
 */
export async function readListText(
  text: string,
  name: string,
  options: ReadListOptions,
): Promise<ImageList> {
  if (looksLikeYaml(text)) {
    // The YAML parser is large, and text lists do not need it.
    const { readYamlList } = await import("./yaml/read_yaml.ts");
    return await readYamlList(text, name, options);
  }
  if (options.skopeo?.scoped) refuseScoped(name);
  return parseImageList(text, name, await readExtended(text, name));
}

/** What lines say with `# regsync {…}` or `# tags {…}`, by line. */
async function readExtended(
  text: string,
  name: string,
): Promise<ReadonlyMap<number, ExtendedLine> | undefined> {
  const found = findExtensions(text);
  if (found.length === 0) return undefined;
  const { readExtension } = await import("./yaml/extended_line.ts");
  const read = new Map<number, ExtendedLine>();
  for (const extension of found) {
    const { line } = extension;
    try {
      read.set(line, await readExtension(extension, name));
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      const place = `${name}:${line}: `;
      const reason = describeError(error);
      read.set(line, {
        reason: reason.startsWith(place) ? reason.slice(place.length) : reason,
      });
    }
  }
  return read;
}
