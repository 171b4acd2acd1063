/**
 * `--format`: what an image says of itself, by a template.
 *
 * @module
 */

import {
  HangarError,
  invalidFlag,
  printable,
  printableJson,
} from "../../../errors.ts";
import { parseTemplate } from "../../../lists/template/parse_template.ts";
import { fillTemplate } from "../../../lists/template/run_template.ts";
import { templateValue } from "../../../lists/template/template_value.ts";
import type { FlagSpec, FlagValues } from "../../flags/flags.ts";

/** The longest line that is printed, in characters. */
const MAX_LINE = 1024 * 1024;

/** The flag. */
export const FORMAT_FLAG: FlagSpec = {
  name: "format",
  type: "string",
  help:
    "Go template for the summary, or with --config for the config, such as {{.Digest}}",
};

/** @throws {HangarError} `usage` for what is no template, or shows nothing */
export function checkFormat(values: FlagValues): void {
  const format = values.string("format");
  if (format === undefined) return;
  if (values.bool("raw")) {
    throw new HangarError(
      "usage",
      "--raw prints bytes as they are, --format other text: give one of them",
    );
  }
  asUsage(format, () => parseTemplate(format));
}

/**
 * JSON as text, by `--format` where it is given.
 *
 * @throws {HangarError} `usage` for a field that is not there
 */
export async function formatted(
  json: Readonly<Record<string, unknown>>,
  values: FlagValues,
): Promise<string> {
  const format = values.string("format");
  if (format === undefined) return `${printableJson(json, 4)}\n`;
  const text = await fillTemplate(format, templateValue(json), {
    env: () => undefined,
    readFile: () => Promise.resolve(undefined),
  }).catch((cause) =>
    asUsage(format, () => {
      throw cause;
    })
  );
  // A registry's text must not steer the terminal; line breaks are the user's.
  return `${
    text.split("\n").map((line) => printable(line, MAX_LINE)).join("\n")
  }\n`;
}

function asUsage<T>(format: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof HangarError)) throw cause;
    throw invalidFlag("--format", format, cause.message, { cause });
  }
}
