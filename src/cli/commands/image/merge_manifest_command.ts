/**
 * `hangar merge-manifest DESTINATION IMAGE IMAGE…`.
 *
 * @module
 */

import { counted } from "../../../counted.ts";
import { HangarError } from "../../../errors.ts";
import { loadRoutes } from "../../../machine/registries_files.ts";
import { mergeImages } from "../../../mirror/single/merge_images.ts";
import {
  type ImageAddress,
  imageAt,
  parseReferenceArgument,
} from "../../../names/address.ts";
import { formatReference } from "../../../names/reference.ts";
import { parseContent } from "../../../oci/parse_manifest.ts";
import { consoleFor } from "../../../run/log_console.ts";
import { withNetwork } from "../../../run/network/with_network.ts";
import type { CliContext } from "../../context.ts";
import type { CommandSpec } from "../../flags/command_tree.ts";
import { NETWORK_FLAGS, reachOptions } from "../../flags/network_options.ts";

/** The command. */
export const mergeManifestCommand: CommandSpec<CliContext> = {
  name: "merge-manifest",
  alsoCalled: ["manifest-create", "index"],
  summary: "Make one multi-arch image of images in a repository",
  usage: ["hangar merge-manifest DESTINATION IMAGE IMAGE… [flags]"],
  examples: `hangar merge-manifest registry.example:5000/team/app:v1 \\
	registry.example:5000/team/app:v1-amd64 \\
	registry.example:5000/team/app:v1-arm64`,
  argument: { name: "DESTINATION IMAGE IMAGE", many: true },
  flags: [...NETWORK_FLAGS, {
    name: "dry-run",
    type: "bool",
    default: false,
    help: "print the index, and write nothing",
  }],
  run: async (values, context, argument, more) => {
    const routes = await loadRoutes(context.env);
    const { address, reference } = parseReferenceArgument(argument);
    const named = imageAt(address, reference);
    const destination = routes?.pushTo(named) ?? named;
    const images = imagesOf(destination, more);
    const reach = reachOptions(values);
    const console = consoleFor(reach, context);
    return await withNetwork(
      reach,
      context,
      address,
      async (network, signal) => {
        const store = network.editor(destination, "pull,push");
        const content = await mergeImages(store, images, signal);
        if (values.bool("dry-run")) {
          context.stdout(content.bytes);
          context.stdout("\n");
          return 0;
        }
        const { repository, tag = "latest" } = destination;
        await store.putManifest(repository, tag, content, {
          role: "root",
          signal,
        });
        const index = parseContent(content);
        const entries = index.kind === "index" ? index.entries.length : 0;
        console.result(
          `Merged ${counted(entries, "manifest")} into ${
            formatReference({ ...destination, tag })
          }, ${content.digest}`,
        );
        return 0;
      },
    );
  },
};

/**
 * @throws {HangarError} `usage` for fewer than two images, or one elsewhere: an
 * index can only name what is in its own repository
 */
function imagesOf(
  destination: ImageAddress,
  names: readonly string[],
): ImageAddress[] {
  if (destination.digest !== undefined) {
    throw new HangarError(
      "usage",
      `${formatReference(destination)} is a digest: want a tag to merge into`,
    );
  }
  if (names.length < 2) {
    throw new HangarError("usage", "want at least two images to merge", {
      hint: "see: hangar merge-manifest --help",
    });
  }
  return names.map((name) => {
    const { address, reference } = parseReferenceArgument(name);
    const { host } = address;
    const { registry, repository } = destination;
    if (host === registry && reference.repository === repository) {
      return imageAt(address, reference);
    }
    throw new HangarError(
      "usage",
      `${name} is not in ${registry}/${repository}, the repository of what is to be made`,
      { hint: "mirror it there first" },
    );
  });
}
