/**
 * `hangar inspect REF`: a manifest, a config, or a summary as skopeo prints it.
 *
 * @module
 */

import { imageAt, parseReferenceArgument } from "../../names/address.ts";
import { HangarError, printableJson } from "../../errors.ts";
import {
  inspectImage,
  type InspectOptions,
} from "../../mirror/inspect_image.ts";
import { EndpointChooser } from "../../mirror/endpoints.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import { inspectListCommand } from "./inspect_list_command.ts";
import { loadRoutes } from "../../machine/registries_files.ts";
import {
  consoleFor,
  NETWORK_FLAGS,
  reachOptions,
} from "../flags/network_options.ts";
import { withNetwork } from "../../run/with_network.ts";

/** The command. */
export const inspectCommand: CommandSpec<CliContext> = {
  name: "inspect",
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
    {
      name: "override-arch",
      type: "string",
      suggested: ["amd64", "arm64", "arm", "s390x", "ppc64le", "riscv64"],
      help: "choose this architecture of a multi-arch image",
    },
    {
      name: "override-os",
      type: "string",
      suggested: ["linux", "windows"],
      default: "linux",
      help: "choose this OS of a multi-arch image",
    },
    {
      name: "override-variant",
      type: "string",
      help: "choose this variant of a multi-arch image",
    },
    {
      name: "no-tags",
      type: "bool",
      default: false,
      help: "do not list the tags of the repository in the summary",
    },
  ],
  subcommands: [inspectListCommand],
  run: async (values, context, argument) => {
    const { address, reference } = parseReferenceArgument(argument);
    const architecture = values.string("override-arch") ?? hostArchitecture();
    const options: InspectOptions = {
      platform: {
        os: values.string("override-os")!,
        architecture,
        variant: values.string("override-variant"),
      },
      name: `${address.host}/${reference.repository}`,
      withTags: !values.bool("no-tags"),
    };
    const routes = await loadRoutes((name) => context.env(name));
    const named = imageAt(address, reference);
    const endpoints = routes?.pullFrom(named);
    const reach = reachOptions(values);
    const console = consoleFor(reach, context);
    return await withNetwork(
      reach,
      context,
      address,
      async (network, signal) => {
        const place = await new EndpointChooser().choose(
          { ...named, endpoints },
          {
            reader: (image) => network.reader(image),
            warn: (message) => console.warn(message),
            signal,
          },
        );
        const image = await inspectImage(
          network.reader(place),
          place,
          options,
          signal,
        );
        const raw = values.bool("raw");
        if (values.bool("config")) {
          const config = await image.config();
          if (!raw && config === undefined) {
            throw new HangarError(
              "unsupported-manifest",
              `${argument} has no image config`,
            );
          }
          context.stdout(
            raw ? await image.configBytes() : `${printableJson(config, 4)}\n`,
          );
        } else if (raw) {
          context.stdout(image.manifestBytes);
        } else {
          context.stdout(`${printableJson(await image.summary(), 4)}\n`);
        }
        return 0;
      },
    );
  },
};

/** Go's name for the architecture of this machine. */
function hostArchitecture(): string {
  return Deno.build.arch === "aarch64" ? "arm64" : "amd64";
}
