/**
 * `hangar inspect REF`: a manifest, a config, or a summary as skopeo prints it.
 *
 * @module
 */

import { HangarError, printableJson } from "../../errors.ts";
import { loadRoutes } from "../../machine/registries_files.ts";
import type { InspectedImage } from "../../mirror/inspect_image.ts";
import { parseReferenceArgument } from "../../names/address.ts";
import { consoleFor } from "../../run/log_console.ts";
import { lookAtImage } from "../../run/network/look_at_image.ts";
import { withNetwork } from "../../run/network/with_network.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { FlagValues } from "../flags/flags.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { overriddenPlatform, OVERRIDE_FLAGS } from "./image/override_flags.ts";
import { inspectListCommand } from "./inspect_list_command.ts";

/** The command. */
export const inspectCommand: CommandSpec<CliContext> = {
  name: "inspect",
  aliases: ["i"],
  alsoCalled: ["manifest", "config", "show"],
  summary: "Show the manifest, the config or a summary of an image",
  usage: ["hangar inspect REF [flags]", "hangar inspect [command]"],
  examples:
    "hangar inspect --raw docker://registry.example:5000/team/app:latest",
  argument: { name: "REF" },
  flags: [
    ...NETWORK_FLAGS,
    {
      name: "raw",
      type: "bool",
      default: false,
      help: "print the manifest byte for byte",
    },
    {
      name: "config",
      type: "bool",
      default: false,
      help: "print the config of the image, with --raw byte for byte",
    },
    ...OVERRIDE_FLAGS,
    {
      name: "no-tags",
      type: "bool",
      default: false,
      help: "do not list the tags of the repository in the summary",
    },
  ],
  subcommands: [inspectListCommand],
  run: async (values, context, argument) => {
    const named = parseReferenceArgument(argument);
    const routes = await loadRoutes(context.env);
    const reach = reachOptions(values);
    const console = consoleFor(reach, context);
    const options = {
      platform: overriddenPlatform(values),
      withTags: !values.bool("no-tags"),
    };
    return await withNetwork(
      reach,
      context,
      named.address,
      async (network, signal) => {
        const image = await lookAtImage(named, options, {
          network,
          routes,
          warn: (message) => console.warn(message),
          signal,
        });
        context.stdout(await shownOf(image, argument, values));
        return 0;
      },
    );
  },
};

/** The parts of an image that the flags ask for. */
async function shownOf(
  image: InspectedImage,
  name: string,
  values: FlagValues,
): Promise<string | Uint8Array> {
  const raw = values.bool("raw");
  if (!values.bool("config")) {
    return raw
      ? image.manifestBytes
      : `${printableJson(await image.summary(), 4)}\n`;
  }
  const config = await image.config();
  if (raw) return await image.configBytes();
  if (config === undefined) {
    throw new HangarError(
      "unsupported-manifest",
      `${name} has no image config`,
    );
  }
  return `${printableJson(config, 4)}\n`;
}
