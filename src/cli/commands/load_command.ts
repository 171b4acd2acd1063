/**
 * `hangar load`: flags to options.
 *
 * @module
 */

import { archiveFiles } from "../../machine/archive_files.ts";
import {
  type LoadRunOptions,
  runLoad,
  runLoadValidate,
} from "../../run/archive/run_load.ts";
import { VERIFY_MODES } from "../../oci/digest.ts";
import type { CliContext } from "../context.ts";
import { LOADED_FLAGS } from "../flags/archive_flags.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { FlagValues } from "../flags/flags.ts";
import { failedFlag } from "../flags/list_flags.ts";
import { NETWORK_FLAGS } from "../flags/network_options.ts";
import { loadPolicy, POLICY_FLAGS } from "../flags/policy_options.ts";
import {
  ATTEST_FLAG,
  loadOwnChecker,
  loadSigner,
  SIGN_FLAGS,
  signersOf,
} from "../flags/sign_options.ts";
import {
  DEEP,
  DEEP_FLAG,
  expectationOptions,
  WRITING_FLAGS,
} from "./mirror_command.ts";

const EXPECTATION_FLAGS = [
  ...LOADED_FLAGS,
  ...SIGN_FLAGS,
  ATTEST_FLAG,
  ...POLICY_FLAGS,
  ...NETWORK_FLAGS,
];

const validateCommand: CommandSpec<CliContext> = {
  name: "validate",
  summary: "Ensure the images were loaded correctly",
  usage: ["hangar load validate -s ARCHIVE -d REGISTRY [flags]"],
  unlikeParent: "writes nothing",
  flags: [
    ...EXPECTATION_FLAGS,
    failedFlag("validate", "load-validate-failed.txt"),
    DEEP_FLAG,
  ],
  run: async (values, context) =>
    await runLoadValidate(
      {
        ...loadOptions(values, context),
        ...signersOf(values, await loadOwnChecker(values, context)),
        policy: await loadPolicy(values, context),
      },
      values.choice("deep", DEEP) ?? "manifests",
      context,
    ),
};

/** The command. */
export const loadCommand: CommandSpec<CliContext> = {
  name: "load",
  aliases: ["l"],
  summary: "Load images from an archive into a registry server",
  usage: [
    "hangar load -s ARCHIVE -d REGISTRY [flags]",
    "hangar load [command]",
  ],
  examples: `# Load all images of an archive.
hangar load \\
        --source saved-images.tar \\
        --destination REGISTRY

# Load the images of a list.
hangar load \\
        --file IMAGE_LIST.txt \\
        --source saved-images.tar \\
        --destination REGISTRY \\
        --project library`,
  flags: [
    ...EXPECTATION_FLAGS,
    failedFlag("load", "load-failed.txt"),
    ...WRITING_FLAGS,
  ],
  subcommands: [validateCommand],
  run: async (values, context) =>
    await runLoad(
      {
        ...loadOptions(values, context),
        createProject: values.bool("create-project"),
        verify: values.choice("verify", VERIFY_MODES),
        dryRun: values.bool("dry-run"),
        ...signersOf(values, await loadSigner(values, context)),
        policy: await loadPolicy(values, context),
      },
      context,
    ),
};

/** Turns {@linkcode LOADED_FLAGS} into options. */
function loadOptions(
  values: FlagValues,
  context: CliContext,
): LoadRunOptions {
  return {
    ...expectationOptions(values, context, {
      source: "source-registry",
      destination: "destination",
      destinationProject: "project",
    }),
    files: archiveFiles,
    archive: values.texts("source"),
    list: values.string("file"),
  };
}
