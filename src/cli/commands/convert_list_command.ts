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
import { logOptions } from "../flags/network_options.ts";
import { AUTO_YES_FLAG, confirmOverwrite } from "./image/confirm.ts";
import { readTextInput } from "../../machine/read_input.ts";
import { consoleFor } from "../../run/log_console.ts";
import { ExitCode } from "../../run/exit_code.ts";

/** The command. */
export const convertListCommand: CommandSpec<CliContext> = {
  name: "convert-list",
  summary: "Rewrite a list of images in the mirror format",
  usage: ["hangar convert-list -i INPUT [flags]"],
  examples: `# A list in the default format.
hangar convert-list -i images.txt -o mirror.txt -d registry.example:5000
# The file of another tool: regsync, or skopeo sync.
hangar convert-list -i regsync.yaml -o mirror.txt`,
  flags: [
    {
      name: "input",
      short: "i",
      type: "string",
      required: true,
      isFile: true,
      help: "image list, regsync.yaml or skopeo sync file (*.yaml, *.yml)",
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
    // The YAML parser is large, and no other command needs it.
    const { convertImageList, convertYaml } = await import(
      "../../lists/convert_list.ts"
    );
    const convert = /\.ya?ml$/i.test(name) ? convertYaml : convertImageList;
    const { lines, left, invalid } = convert(text, name, options);
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
