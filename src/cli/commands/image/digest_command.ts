/**
 * `hangar digest REF`.
 *
 * @module
 */

import { invalidFlag } from "../../../errors.ts";
import { loadRoutes } from "../../../machine/registries_files.ts";
import { imageAt, parseReferenceArgument } from "../../../names/address.ts";
import { formatReference } from "../../../names/reference.ts";
import { parsePlatformFilter } from "../../../oci/platform.ts";
import { consoleFor } from "../../../run/log_console.ts";
import { digestOf } from "../../../run/network/look_at_image.ts";
import { withNetwork } from "../../../run/network/with_network.ts";
import type { CliContext } from "../../context.ts";
import type { CommandSpec } from "../../flags/command_tree.ts";
import { NETWORK_FLAGS, reachOptions } from "../../flags/network_options.ts";

/** The command. */
export const digestCommand: CommandSpec<CliContext> = {
  name: "digest",
  alsoCalled: ["sha256"],
  summary: "Print the digest of an image",
  usage: ["hangar digest REF [flags]"],
  examples: `hangar digest registry.example:5000/team/app:v1
hangar digest registry.example:5000/team/app:v1 --platform linux/arm64`,
  argument: { name: "REF" },
  flags: [
    ...NETWORK_FLAGS,
    {
      name: "platform",
      type: "string",
      suggested: ["linux/amd64", "linux/arm64", "linux/arm/v7"],
      help: "os/arch[/variant] of a multi-arch image, whose digest is printed",
    },
    {
      name: "full-ref",
      type: "bool",
      default: false,
      help: "print the whole reference, by digest",
    },
  ],
  run: async (values, context, argument) => {
    const named = parseReferenceArgument(argument);
    const platform = platformOf(values.string("platform"));
    const routes = await loadRoutes(context.env);
    const reach = reachOptions(values);
    const console = consoleFor(reach, context);
    return await withNetwork(
      reach,
      context,
      named.address,
      async (network, signal) => {
        const digest = await digestOf(named, platform, {
          network,
          routes,
          warn: (message) => console.warn(message),
          signal,
        });
        const { address, reference } = named;
        context.stdout(
          values.bool("full-ref")
            ? `${
              formatReference({
                ...imageAt(address, reference),
                tag: undefined,
                digest,
              })
            }\n`
            : `${digest}\n`,
        );
        return 0;
      },
    );
  },
};

/** @throws {HangarError} `usage` for what is not one platform */
function platformOf(text: string | undefined) {
  if (text === undefined) return undefined;
  const [choice, ...more] = parsePlatformFilter({ platforms: [text] })
    .architectures ?? [];
  if (choice?.os === undefined || more.length > 0) {
    throw invalidFlag("--platform", text, "want one platform");
  }
  return { ...choice, os: choice.os };
}
