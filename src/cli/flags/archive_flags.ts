/**
 * The flags of the commands on archives.
 *
 * @module
 */

import type { FlagSpec } from "./flags.ts";
import { LIST_FLAGS, SELECTION_FLAGS } from "./list_flags.ts";

/** Some flags of a list of them, in its order. */
export function pick(
  flags: readonly FlagSpec[],
  ...names: readonly string[]
): readonly FlagSpec[] {
  return flags.filter(({ name }) => names.includes(name));
}

/** A flag with another help text or default. */
function instead(
  flags: readonly FlagSpec[],
  name: string,
  change: Partial<FlagSpec>,
): FlagSpec {
  const [flag] = pick(flags, name);
  if (!flag) throw new Error(`there is no flag --${name}`);
  return { ...flag, ...change };
}

/**
 * The variable that names the archive, whatever its flag: `--destination` and
 * `--source` of other commands are registries, and `--file` is a list.
 */
export const ARCHIVE_VARIABLE = "HANGAR_ARCHIVE";

/** Which parts of an image are read. */
export const PART_FLAGS: readonly FlagSpec[] = pick(
  SELECTION_FLAGS,
  "arch",
  "os",
  "platform",
  "newest",
  "provenance",
  "remove-signatures",
);

/** The flags of `save` and `sync` that their proofs take too. */
export const SAVED_FLAGS: readonly FlagSpec[] = [
  ...pick(LIST_FLAGS, "file", "source", "source-project"),
  ...PART_FLAGS,
  ...pick(LIST_FLAGS, "shard", "jobs", "progress", "metrics", "report"),
  instead(LIST_FLAGS, "timeout", { help: "timeout when save each images" }),
];

/** `--destination` of `save`. */
export const SAVE_TARGET: FlagSpec = {
  name: "destination",
  short: "d",
  variable: ARCHIVE_VARIABLE,
  type: "string",
  isFile: true,
  default: "saved-images.tar",
  help: "the archive: a name that ends with .tar, or a directory",
};

/** `--destination` of `sync`. */
export const SYNC_TARGET: FlagSpec = {
  name: "destination",
  short: "d",
  variable: ARCHIVE_VARIABLE,
  type: "string",
  isFile: true,
  required: true,
  help: "the archive to add to",
};

/** `--auto-yes` */
export const AUTO_YES: FlagSpec = {
  name: "auto-yes",
  short: "y",
  type: "bool",
  default: false,
  help: "answer yes automatically (used in shell script)",
};

/** `--dry-run` of commands that write archives. */
export const SAVE_DRY_RUN: FlagSpec = {
  name: "dry-run",
  type: "bool",
  default: false,
  help:
    "show what would be saved and how much room it takes, and write nothing",
};

/** The flags of `load` that its proof takes too. */
export const LOADED_FLAGS: readonly FlagSpec[] = [
  instead(LIST_FLAGS, "file", {
    required: false,
    help: "image list file (default: all images of the archive)",
  }),
  {
    name: "source",
    short: "s",
    variable: ARCHIVE_VARIABLE,
    type: "string",
    isFile: true,
    many: true,
    required: true,
    help:
      "the archive; of a set of volumes, any one of them or their directory",
  },
  {
    name: "source-registry",
    type: "string",
    help: "override the source registry of image list",
  },
  instead(LIST_FLAGS, "destination", {
    required: true,
    help: "destination registry",
  }),
  {
    name: "project",
    type: "string",
    help: "override all destination image projects",
  },
  ...pick(
    LIST_FLAGS,
    "shard",
    "jobs",
    "progress",
    "metrics",
    "report",
    "skip-login",
  ),
  instead(LIST_FLAGS, "timeout", { help: "timeout when load each images" }),
  ...SELECTION_FLAGS,
];

/** The flags of `save` alone. */
export const DELTA_FLAGS: readonly FlagSpec[] = [
  {
    name: "since",
    type: "strings",
    isFile: true,
    help:
      "leave out what the far side has: an archive that was carried there, its index.json, or a receipt",
  },
  {
    name: "volume-size",
    type: "string",
    help: "split the archive into tars of at most this size, such as 4GiB",
  },
];
