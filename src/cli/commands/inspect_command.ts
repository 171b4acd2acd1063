/**
 * `hangar inspect REF`: a manifest, a config, or a summary as skopeo prints it.
 *
 * @module
 */

import { HangarError, printableJson } from "../../errors.ts";
import { loadRoutes } from "../../machine/registries_files.ts";
import type { InspectedImage } from "../../mirror/inspect_image.ts";
import { provenanceText } from "../../mirror/sign/tell_provenance.ts";
import { parseReferenceArgument } from "../../names/address.ts";
import type { TrustedSigner } from "../../signing/image_signer.ts";
import { consoleFor } from "../../run/log_console.ts";
import { lookAtImage, rawManifest } from "../../run/network/look_at_image.ts";
import { withNetwork } from "../../run/network/with_network.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { FlagValues } from "../flags/flags.ts";
import { loadChecker, VERIFY_FLAGS } from "../flags/verify_options.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { overriddenPlatform, OVERRIDE_FLAGS } from "./image/override_flags.ts";
import { checkFormat, FORMAT_FLAG, formatted } from "./image/format.ts";
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
    FORMAT_FLAG,
    {
      name: "no-tags",
      type: "bool",
      default: false,
      help: "do not list the tags of the repository in the summary",
    },
    {
      name: "provenance",
      type: "bool",
      default: false,
      help:
        "show through which mirrors it came, as they attested it, newest first",
    },
    {
      name: "json",
      type: "bool",
      default: false,
      help: "print the provenance as JSON",
    },
    ...VERIFY_FLAGS,
  ],
  subcommands: [inspectListCommand],
  run: async (values, context, argument) => {
    const trusted = await trustedBy(values);
    checkFormat(values);
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
        const look = {
          network,
          routes,
          warn: (message: string) => console.warn(message),
          signal,
        };
        if (values.bool("raw") && !values.bool("config")) {
          context.stdout(await rawManifest(named, look));
          return 0;
        }
        const image = await lookAtImage(named, options, look);
        if (!trusted) {
          context.stdout(await shownOf(image, argument, values));
          return 0;
        }
        const { manifest, place } = image;
        // What reads bundles is large, and seldom needed.
        const { readProvenance } = await import(
          "../../mirror/sign/provenance.ts"
        );
        const way = await readProvenance(place, manifest, trusted, signal);
        context.stdout(
          values.bool("json")
            ? `${printableJson(way, 2)}\n`
            : provenanceText(way, { name: argument, by: trusted.by }),
        );
        if (way.stops.length > 0) return 0;
        throw new HangarError(
          "not-found",
          `nothing is attested of ${argument} by ${trusted.by}`,
          { hint: "mirror it with --attest, or give the key of who did" },
        );
      },
    );
  },
};

/** Whose attestations are shown; undefined where something else is asked for. */
async function trustedBy(
  values: FlagValues,
): Promise<TrustedSigner | undefined> {
  const given = (flags: readonly string[]) =>
    flags.find((flag) => values.given(flag));
  if (values.bool("provenance")) {
    const other = given(["raw", "config", "format"]);
    if (other === undefined) return await loadChecker(values, "hangar inspect");
    throw new HangarError(
      "usage",
      `--provenance and --${other} show different things: give one of them`,
    );
  }
  const unused = given(["json", ...VERIFY_FLAGS.map(({ name }) => name)]);
  if (unused === undefined) return undefined;
  throw new HangarError("usage", `--${unused} is for --provenance`);
}

/** The parts of an image that the flags ask for. */
async function shownOf(
  image: InspectedImage,
  name: string,
  values: FlagValues,
): Promise<string | Uint8Array> {
  if (!values.bool("config")) {
    return await formatted(await image.summary(), values);
  }
  const config = await image.config();
  if (values.bool("raw")) return await image.configBytes();
  if (config === undefined) {
    throw new HangarError(
      "unsupported-manifest",
      `${name} has no image config`,
    );
  }
  return await formatted(config, values);
}
