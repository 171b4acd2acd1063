/**
 * `hangar list-tags REPO`.
 *
 * @module
 */

import { parseReferenceArgument } from "../../names/address.ts";
import { HangarError, printable, printableJson } from "../../errors.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { loadRoutes } from "../../machine/registries_files.ts";
import { tagPages } from "../../run/network/look_at_image.ts";
import { withNetwork } from "../../run/network/with_network.ts";

const FORMATS = ["text", "json"] as const;

/** The command. */
export const listTagsCommand: CommandSpec<CliContext> = {
  name: "list-tags",
  alsoCalled: ["ls", "tags"],
  summary: "Print the tags of a repository",
  usage: ["hangar list-tags REPO [flags]"],
  examples: "hangar list-tags registry.example:5000/team/app",
  argument: { name: "REPO" },
  flags: [
    ...NETWORK_FLAGS,
    {
      name: "format",
      type: "string",
      choices: FORMATS,
      default: "text",
      help: "text (a tag a line, in the registry's order), or json (an array)",
    },
  ],
  run: async (values, context, argument) => {
    const format = values.choice("format", FORMATS);
    const { address, reference } = parseReferenceArgument(argument);
    if (/@|:[^/]*$/.test(argument.replace(/^.*\//, ""))) {
      throw new HangarError(
        "usage",
        `${
          JSON.stringify(argument)
        } names an image: want a repository, without tag and digest`,
      );
    }
    const routes = await loadRoutes(context.env);
    return await withNetwork(
      reachOptions(values),
      context,
      address,
      async (network, signal) => {
        const pages = tagPages({ address, reference }, {
          network,
          routes,
          signal,
        });
        const tags: string[] = [];
        for await (const page of pages) {
          if (format === "text") {
            const text = page.map((tag) => `${printable(tag)}\n`).join("");
            // No program reads the next page any more, as with `| head`.
            if (context.stdout(text) === false) return 0;
          } else for (const tag of page) tags.push(tag);
        }
        if (format === "json") {
          context.stdout(`${printableJson(tags.sort(), 2)}\n`);
        }
        return 0;
      },
    );
  },
};
