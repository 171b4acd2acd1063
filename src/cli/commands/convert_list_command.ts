/**
 * `hangar convert-list`.
 *
 * @module
 */

import { parseRegistryAddress } from "../../names/address.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import { fileError } from "../../machine/file_error.ts";
import { replaceFile } from "../../machine/replace_file.ts";
import type { CliContext } from "../context.ts";
import {
  logOptions,
  NETWORK_FLAGS,
  reachOptions,
} from "../flags/network_options.ts";
import { AUTO_YES_FLAG, confirmOverwrite } from "./image/confirm.ts";
import { readTextInput } from "../../machine/read_input.ts";
import { consoleFor } from "../../run/log_console.ts";
import { HangarError } from "../../errors.ts";
import type { ConvertOptions } from "../../lists/convert_list.ts";
import { NEWEST_FLAG, newestOf, SCOPED_FLAG } from "../flags/list_flags.ts";
import type { FlagValues } from "../flags/flags.ts";
import { ExitCode } from "../../run/exit_code.ts";

/** The command. */
export const convertListCommand: CommandSpec<CliContext> = {
  name: "convert-list",
  summary: "Rewrite a list of images in the mirror format",
  usage: ["hangar convert-list -i INPUT [flags]"],
  examples: `# A list in the default format.
hangar convert-list -i images.txt -o mirror.txt -d registry.example:5000
# The file of another tool: regsync, or skopeo sync.
hangar convert-list -i regsync.yaml -o mirror.txt
# The images of Kubernetes manifests, or of a compose file.
helm template ./chart | hangar convert-list -i- -o mirror.txt -d registry.example
# Every tag that a list chooses, by its name.
hangar convert-list -i images.txt -o mirror.txt --resolve --newest 3`,
  flags: [
    {
      name: "input",
      short: "i",
      type: "string",
      required: true,
      isFile: true,
      help:
        "image list, regsync.yaml, skopeo sync file, Kubernetes manifests or compose file",
    },
    {
      name: "output",
      short: "o",
      type: "string",
      isFile: true,
      help:
        "file for the converted list, - for standard output (default INPUT.converted)",
    },
    {
      name: "source",
      short: "s",
      type: "string",
      help: "override the source registry of every line",
    },
    {
      name: "destination",
      short: "d",
      type: "string",
      help: "override the destination registry of every line",
    },
    AUTO_YES_FLAG,
    {
      name: "resolve",
      type: "bool",
      default: false,
      help:
        "ask registries for the tags that lines choose, and write a line for each",
    },
    NEWEST_FLAG,
    SCOPED_FLAG,
    ...NETWORK_FLAGS,
  ],
  run: async (values, context) => {
    const address = (flag: string) => {
      const value = values.string(flag);
      return value ? parseRegistryAddress(value, `--${flag}`) : undefined;
    };
    const options = {
      source: address("source"),
      destination: address("destination"),
    };
    const input = values.string("input")!;
    const output = values.string("output") ||
      (input === "-" ? "-" : `${input}.converted`);
    const console = consoleFor(logOptions(values), context);
    const { name, text } = await readTextInput(input, context);
    refuseUnresolved(values);
    // The YAML parser is large, and no other command needs it.
    const { convertText } = await import("../../run/convert_list.ts");
    const { lines, left, invalid } = values.bool("resolve")
      ? await convertResolved({ text, name }, options, values, context)
      : await convertText(text, name, {
        ...options,
        env: (variable) => context.env(variable),
      });
    for (const line of invalid) console.warn(`${line}: left out`);
    for (const entry of left) console.warn(`not converted: ${entry}`);
    const result = lines.map((line) => `${line}\n`).join("");
    if (output === "-") context.stdout(result);
    else {
      await confirmOverwrite(output, values, context);
      await replaceFile(output, [result]).catch((cause) => {
        throw fileError("write", output, cause);
      });
      console.result(`Converted ${name} to ${output}`);
    }
    // A line that is no image is no loss, unlike an image that is left out.
    return left.length > 0 ? ExitCode.someFailed : ExitCode.done;
  },
};

/** @throws {HangarError} `usage` for a flag that means nothing here */
function refuseUnresolved(values: FlagValues): void {
  if (values.bool("resolve")) return;
  const idle = ["newest", "scoped", ...NETWORK_FLAGS.map(({ name }) => name)]
    .find((flag) => values.given(flag));
  if (idle !== undefined) {
    throw new HangarError("usage", `--${idle} is for --resolve: give both`);
  }
}

async function convertResolved(
  list: { readonly text: string; readonly name: string },
  options: ConvertOptions,
  values: FlagValues,
  context: CliContext,
) {
  const { resolveText } = await import("../../run/convert_list.ts");
  return await resolveText(list, {
    ...options,
    reach: reachOptions(values),
    newest: newestOf(values),
    scoped: values.bool("scoped"),
  }, context);
}
