/**
 * `hangar save` and `hangar sync`: flags to options.
 *
 * @module
 */

import { invalidFlag } from "../../errors.ts";
import { archiveFiles } from "../../machine/archive_files.ts";
import type { Depth } from "../../mirror/validate_image.ts";
import {
  runSave,
  runSaveValidate,
  runSync,
  type SaveRunOptions,
} from "../../run/archive/run_save.ts";
import type { CliContext } from "../context.ts";
import {
  AUTO_YES,
  DELTA_FLAGS,
  SAVE_DRY_RUN,
  SAVE_TARGET,
  SAVED_FLAGS,
  SYNC_TARGET,
} from "../flags/archive_flags.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { FlagSpec, FlagValues } from "../flags/flags.ts";
import { failedFlag, newestOf, platformFilterOf } from "../flags/list_flags.ts";
import { NETWORK_FLAGS } from "../flags/network_options.ts";
import { loadPolicy, POLICY_FLAGS } from "../flags/policy_options.ts";
import {
  DEEP,
  DEEP_FLAG,
  isFilterGiven,
  listOptions,
} from "./mirror_command.ts";

/** `validate` below a command that writes an archive. */
function validateCommand(
  name: "save" | "sync",
  target: FlagSpec,
  further: readonly FlagSpec[] = [],
): CommandSpec<CliContext> {
  return {
    name: "validate",
    summary: "Ensure the images were saved correctly",
    usage: [`hangar ${name} validate -f IMAGE_LIST.txt -d ARCHIVE [flags]`],
    unlikeParent: "writes nothing",
    flags: [
      ...SAVED_FLAGS,
      target,
      ...POLICY_FLAGS,
      ...NETWORK_FLAGS,
      failedFlag("validate", `${name}-validate-failed.txt`),
      DEEP_FLAG,
      ...further,
    ],
    run: async (values, context) => {
      const depth: Depth = values.choice("deep", DEEP) ?? "manifests";
      return await runSaveValidate(
        await saveOptions(values, context),
        { command: `${name} validate`, depth },
        context,
      );
    },
  };
}

/** The command. */
export const saveCommand: CommandSpec<CliContext> = {
  name: "save",
  aliases: ["s"],
  summary: "Save images from registry servers into an archive",
  usage: [
    "hangar save -f IMAGE_LIST.txt -d ARCHIVE [flags]",
    "hangar save [command]",
  ],
  examples:
    `# Save the images of a list into a tar that skopeo, crane, podman and containerd
# read too.
hangar save \\
        --file IMAGE_LIST.txt \\
        --destination saved-images.tar \\
        --arch amd64,arm64 \\
        --os linux`,
  flags: [
    ...SAVED_FLAGS,
    SAVE_TARGET,
    ...POLICY_FLAGS,
    ...NETWORK_FLAGS,
    failedFlag("save", "save-failed.txt"),
    AUTO_YES,
    ...DELTA_FLAGS,
    SAVE_DRY_RUN,
  ],
  // Scripts give a command and its proof the same flags; nothing is asked here.
  subcommands: [validateCommand("save", SAVE_TARGET, [AUTO_YES])],
  run: async (values, context) =>
    await runSave(
      {
        ...await saveOptions(values, context),
        autoYes: values.bool("auto-yes"),
        since: values.strings("since"),
        volumeSize: volumeSizeOf(values),
        dryRun: values.bool("dry-run"),
      },
      context,
    ),
};

/** The command. */
export const syncCommand: CommandSpec<CliContext> = {
  name: "sync",
  summary: "Add images from registry servers to an archive",
  usage: [
    "hangar sync -f IMAGE_LIST.txt -d ARCHIVE [flags]",
    "hangar sync [command]",
  ],
  examples: `# Add to an archive what failed before.
hangar sync \\
        --file save-failed.txt \\
        --destination saved-images.tar`,
  flags: [
    ...SAVED_FLAGS,
    SYNC_TARGET,
    ...POLICY_FLAGS,
    ...NETWORK_FLAGS,
    failedFlag("sync", "sync-failed.txt"),
    SAVE_DRY_RUN,
  ],
  subcommands: [validateCommand("sync", SYNC_TARGET)],
  run: async (values, context) =>
    await runSync(
      {
        ...await saveOptions(values, context),
        dryRun: values.bool("dry-run"),
      },
      context,
    ),
};

/** Turns {@linkcode SAVED_FLAGS} into options. */
async function saveOptions(
  values: FlagValues,
  context: CliContext,
): Promise<SaveRunOptions> {
  return {
    ...listOptions(values, context, {
      source: "source",
      sourceProject: "source-project",
    }),
    archive: values.string("destination")!,
    files: archiveFiles,
    newest: newestOf(values),
    filter: platformFilterOf(values),
    isFilterGiven: isFilterGiven(values),
    provenance: values.bool("provenance"),
    signatures: !values.bool("remove-signatures"),
    policy: await loadPolicy(values, context),
    dryRun: false,
    autoYes: false,
  };
}

/** What the suffixes of sizes stand for, in bytes. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
  t: 1024 ** 4,
  tib: 1024 ** 4,
  tb: 1000 ** 4,
};

/** `--volume-size` in bytes; undefined where it was not given. */
function volumeSizeOf(values: FlagValues): number | undefined {
  const text = values.string("volume-size");
  if (text === undefined || text === "") return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = UNITS[match?.[2]?.toLowerCase() ?? "?"];
  const size = Math.floor(Number(match?.[1]) * (unit ?? NaN));
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw invalidFlag(
    "--volume-size",
    text,
    "want a size, such as 4GiB or 700MB",
  );
}
