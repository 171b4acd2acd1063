/**
 * `hangar archive`: looking into archives, and making one out of others.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { archiveFiles } from "../../machine/archive_files.ts";
import { parseRegistryAddress } from "../../names/address.ts";
import { runExport } from "../../run/archive/tools/run_export.ts";
import { runLs } from "../../run/archive/tools/run_ls.ts";
import { runMerge } from "../../run/archive/tools/run_merge.ts";
import { runVerify } from "../../run/archive/tools/run_verify.ts";
import type { CliContext } from "../context.ts";
import { ARCHIVE_VARIABLE, AUTO_YES, pick } from "../flags/archive_flags.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import { LIST_FLAGS } from "../flags/list_flags.ts";
import type { FlagSpec, FlagValues } from "../flags/flags.ts";
import { logOptions } from "../flags/network_options.ts";

/** The archive, as Go hangar takes it; it may be the argument as well. */
const FILE: FlagSpec = {
  name: "file",
  short: "f",
  // The argument would contradict it.
  variable: null,
  type: "string",
  isFile: true,
  help: "the archive: a directory, a .tar, a volume, or a .zip of Go hangar",
};

/** The archive that a command looks into. */
function archiveOf(
  values: FlagValues,
  argument: string,
  command: string,
): string {
  const file = values.string("file");
  if (file && argument) {
    throw new HangarError(
      "usage",
      `--file ${file} and ${argument} are two archives: give one of them`,
    );
  }
  if (file || argument) return file || argument;
  throw new HangarError("usage", "ARCHIVE is missing", {
    hint: `see: hangar archive ${command} --help`,
  });
}

const lsCommand: CommandSpec<CliContext> = {
  name: "ls",
  aliases: ["list"],
  summary: "Show the images of an archive",
  usage: ["hangar archive ls ARCHIVE [flags]"],
  examples: `hangar archive ls saved-images.tar

# A list for --file.
hangar archive ls saved-images.tar --image-only > images.txt`,
  argument: { name: "ARCHIVE", optional: true },
  flags: [
    FILE,
    {
      name: "json",
      type: "bool",
      default: false,
      help: "output in json format",
    },
    {
      name: "image-only",
      type: "bool",
      default: false,
      help: "only output image list",
    },
  ],
  run: async (values, context, argument) => {
    const [json, imageOnly] = [values.bool("json"), values.bool("image-only")];
    if (json && imageOnly) {
      throw new HangarError(
        "usage",
        "--json and --image-only are two outputs: give one of them",
      );
    }
    return await runLs({
      ...logOptions(values),
      files: archiveFiles,
      archive: archiveOf(values, argument, "ls"),
      format: json ? "json" : imageOnly ? "images" : "table",
    }, context);
  },
};

const verifyCommand: CommandSpec<CliContext> = {
  name: "verify",
  summary: "Hash everything in an archive, and name what is damaged",
  usage: ["hangar archive verify ARCHIVE [flags]"],
  examples: `# On the far side, before anything is loaded.
hangar archive verify saved-images.tar`,
  argument: { name: "ARCHIVE", optional: true },
  flags: [FILE],
  run: async (values, context, argument) =>
    await runVerify({
      ...logOptions(values),
      files: archiveFiles,
      archive: archiveOf(values, argument, "verify"),
    }, context),
};

const exportCommand: CommandSpec<CliContext> = {
  name: "export",
  aliases: ["e"],
  summary: "Export images of an archive into a new archive",
  usage: [
    "hangar archive export -f IMAGE_LIST.txt -s ARCHIVE -d NEW_ARCHIVE [flags]",
  ],
  examples: `hangar archive export \\
        --file IMAGE_LIST.txt \\
        --source saved-images.tar \\
        --destination part.tar`,
  flags: [
    ...pick(LIST_FLAGS, "file"),
    {
      name: "source",
      short: "s",
      variable: ARCHIVE_VARIABLE,
      type: "string",
      isFile: true,
      required: true,
      help: "source archive file",
    },
    {
      name: "source-registry",
      type: "string",
      help: "override the source registry of image list file",
    },
    {
      name: "destination",
      short: "d",
      variable: null,
      type: "string",
      isFile: true,
      required: true,
      help: "the new archive: a name that ends with .tar, or a directory",
    },
    {
      name: "remove-signatures",
      type: "bool",
      default: false,
      help: "leave signatures and referrers out, as for containerd hosts",
    },
    {
      name: "failed",
      type: "string",
      isFile: true,
      default: "export-failed.txt",
      help: "export failed image list file name",
    },
    AUTO_YES,
  ],
  run: async (values, context) => {
    const registry = values.string("source-registry");
    return await runExport({
      ...logOptions(values),
      files: archiveFiles,
      list: values.string("file")!,
      archive: values.string("source")!,
      destination: values.string("destination")!,
      source: registry
        ? parseRegistryAddress(registry, "--source-registry")
        : undefined,
      signatures: !values.bool("remove-signatures"),
      failed: values.string("failed")!,
      autoYes: values.bool("auto-yes"),
    }, context);
  },
};

const mergeCommand: CommandSpec<CliContext> = {
  name: "merge",
  aliases: ["m"],
  summary: "Merge archives into one new archive",
  usage: [
    "hangar archive merge -f ARCHIVE -f ARCHIVE -o NEW_ARCHIVE [flags]",
  ],
  examples: `# A full archive and its deltas: what a full archive would be now.
hangar archive merge \\
        --file full.tar \\
        --file delta-1.tar \\
        --file delta-2.tar \\
        --output merged.tar`,
  flags: [
    {
      name: "file",
      short: "f",
      variable: null,
      type: "strings",
      isFile: true,
      required: true,
      help: "an archive; of one image in several, that of the last one counts",
    },
    {
      name: "output",
      short: "o",
      type: "string",
      isFile: true,
      required: true,
      help: "the new archive: a name that ends with .tar, or a directory",
    },
    AUTO_YES,
  ],
  run: async (values, context) =>
    await runMerge({
      ...logOptions(values),
      files: archiveFiles,
      archives: values.strings("file"),
      output: values.string("output")!,
      autoYes: values.bool("auto-yes"),
    }, context),
};

/** The command. */
export const archiveCommand: CommandSpec<CliContext> = {
  name: "archive",
  summary: "Look into archives, and make archives out of others",
  usage: ["hangar archive [command]"],
  flags: [],
  subcommands: [exportCommand, lsCommand, mergeCommand, verifyCommand],
};
