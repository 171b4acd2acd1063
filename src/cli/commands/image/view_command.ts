/**
 * `hangar view provenance REF` and `hangar view sbom REF`.
 *
 * @module
 */

import { printableJson } from "../../../errors.ts";
import { fileError } from "../../../machine/file_error.ts";
import { loadRoutes } from "../../../machine/registries_files.ts";
import { replaceFile } from "../../../machine/replace_file.ts";
import type { AttestationKind } from "../../../mirror/single/find_attestation.ts";
import { parseReferenceArgument } from "../../../names/address.ts";
import { consoleFor } from "../../../run/log_console.ts";
import { attestationOf } from "../../../run/network/look_at_image.ts";
import { withNetwork } from "../../../run/network/with_network.ts";
import type { CliContext } from "../../context.ts";
import type { CommandSpec } from "../../flags/command_tree.ts";
import { NETWORK_FLAGS, reachOptions } from "../../flags/network_options.ts";
import { AUTO_YES_FLAG, confirmOverwrite } from "./confirm.ts";
import { overriddenPlatform, OVERRIDE_FLAGS } from "./override_flags.ts";

/** The command. */
export const viewCommand: CommandSpec<CliContext> = {
  name: "view",
  summary: "Show the SLSA provenance or the SBOM of an image",
  usage: ["hangar view [command]"],
  examples: `hangar view provenance registry.example:5000/team/app:v1
hangar view sbom registry.example:5000/team/app:v1 --output sbom.json`,
  flags: [],
  subcommands: [
    viewOf("provenance", "Show the SLSA provenance of an image"),
    viewOf("sbom", "Show the SBOM of an image"),
  ],
};

function viewOf(
  kind: AttestationKind,
  summary: string,
): CommandSpec<CliContext> {
  return {
    name: kind,
    summary: `${summary}; its signature is not verified`,
    usage: [`hangar view ${kind} REF [flags]`],
    examples:
      `hangar view ${kind} registry.example:5000/team/app:v1 --override-arch arm64`,
    argument: { name: "REF" },
    flags: [
      ...NETWORK_FLAGS,
      ...OVERRIDE_FLAGS,
      {
        name: "output",
        short: "o",
        type: "string",
        isFile: true,
        default: "-",
        help: "file for the document, - for standard output",
      },
      {
        name: "predicate",
        type: "bool",
        default: false,
        help: kind === "sbom"
          ? "print the SBOM alone, without the statement around it"
          : "print the provenance alone, without the statement around it",
      },
      AUTO_YES_FLAG,
    ],
    run: async (values, context, argument) => {
      const named = parseReferenceArgument(argument);
      const output = values.string("output")!;
      if (output !== "-") await confirmOverwrite(output, values, context);
      const routes = await loadRoutes(context.env);
      const reach = reachOptions(values);
      const console = consoleFor(reach, context);
      return await withNetwork(
        reach,
        context,
        named.address,
        async (network, signal) => {
          const { json, predicate } = await attestationOf(
            kind,
            named,
            overriddenPlatform(values),
            {
              network,
              routes,
              warn: (message) => console.warn(message),
              signal,
            },
          );
          const shown = values.bool("predicate") ? predicate : json;
          const text = `${printableJson(shown, 2)}\n`;
          if (output === "-") context.stdout(text);
          else {
            await replaceFile(output, [text]).catch((cause) => {
              throw fileError("write", output, cause);
            });
            console.result(`Wrote the ${kind} of ${argument} to ${output}`);
          }
          return 0;
        },
      );
    },
  };
}
