/**
 * `hangar delete REF`.
 *
 * @module
 */

import { HangarError } from "../../../errors.ts";
import { loadRoutes } from "../../../machine/registries_files.ts";
import {
  deleteImage,
  digestOfImage,
} from "../../../mirror/single/delete_image.ts";
import { imageAt, parseReferenceArgument } from "../../../names/address.ts";
import { formatReference } from "../../../names/reference.ts";
import { consoleFor } from "../../../run/log_console.ts";
import { withNetwork } from "../../../run/network/with_network.ts";
import type { CliContext } from "../../context.ts";
import type { CommandSpec } from "../../flags/command_tree.ts";
import { NETWORK_FLAGS, reachOptions } from "../../flags/network_options.ts";
import { AUTO_YES_FLAG, confirm } from "./confirm.ts";

/** The command. */
export const deleteCommand: CommandSpec<CliContext> = {
  name: "delete",
  alsoCalled: ["rm", "remove", "rmi"],
  summary: "Delete a tag, or an image by its digest, from a registry",
  usage: ["hangar delete REF [flags]"],
  examples: `# A tag alone.
hangar delete registry.example:5000/team/app:v1
# An image with all its tags.
hangar delete registry.example:5000/team/app@sha256:DIGEST --auto-yes`,
  argument: { name: "REF" },
  flags: [...NETWORK_FLAGS, AUTO_YES_FLAG],
  run: async (values, context, argument) => {
    const { address, reference } = parseReferenceArgument(argument);
    if (reference.tag !== undefined && reference.digest !== undefined) {
      throw new HangarError(
        "usage",
        `${argument} has a tag and a digest: give the one to delete`,
      );
    }
    const routes = await loadRoutes(context.env);
    const named = imageAt(address, reference);
    const place = routes?.pushTo(named) ?? named;
    const reach = reachOptions(values);
    const console = consoleFor(reach, context);
    return await withNetwork(
      reach,
      context,
      address,
      async (network, signal) => {
        const store = network.editor(place, "pull,push,delete");
        const digest = await digestOfImage(store, place, signal);
        const name = formatReference(place);
        await confirm(
          reference.digest === undefined
            ? `Delete ${name} (${digest})?`
            : `Delete ${name} and all its tags?`,
          values,
          context,
        );
        await deleteImage(store, place, digest, signal);
        console.result(
          reference.digest === undefined
            ? `Deleted ${name}, which was ${digest}`
            : `Deleted ${name}`,
        );
        return 0;
      },
    );
  },
};
