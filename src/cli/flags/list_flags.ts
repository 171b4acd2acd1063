/**
 * The flags of the commands that work through a list of images.
 *
 * @module
 */

import { INDEX_MODES } from "../../mirror/decide/decision.ts";
import {
  DEFAULT_WORDS,
  parsePlatformFilter,
  type PlatformFilter,
} from "../../oci/platform.ts";
import { parseDuration } from "../../duration.ts";
import { invalidFlag } from "../../errors.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";

/** The ways to show progress. */
export const PROGRESS_MODES = ["auto", "plain", "none"] as const;

/** Flags of every command on a list: which images, where, and how many at once. */
export const LIST_FLAGS: readonly FlagSpec[] = [
  {
    name: "file",
    short: "f",
    type: "string",
    isFile: true,
    help: "image list file",
    required: true,
  },
  {
    name: "source",
    short: "s",
    type: "string",
    help: "override the source registry in image list",
  },
  {
    name: "source-project",
    type: "string",
    help: "override all source image projects",
  },
  {
    name: "destination",
    short: "d",
    type: "string",
    many: true,
    help: "specify the destination image registry",
  },
  {
    name: "destination-project",
    type: "string",
    help: "override all destination image projects",
  },
  {
    name: "jobs",
    short: "j",
    type: "int",
    default: 1,
    help: "worker number, copy images parallelly (1-20)",
  },
  {
    name: "metrics",
    type: "string",
    isFile: true,
    help:
      "file for metrics in Prometheus' text format, written every 10s and at the end",
  },
  {
    name: "progress",
    type: "string",
    choices: PROGRESS_MODES,
    default: "auto",
    help:
      "auto (a live display on a terminal, otherwise plain), plain (a line every 10s), or none",
  },
  {
    name: "report",
    type: "string",
    isFile: true,
    help:
      "file for a report: a page for a browser if it ends in .html, otherwise JSON; - for JSON on standard output",
  },
  {
    name: "shard",
    type: "string",
    help:
      "take part I of N of the list, as I/N counted from 0, or auto/N in an Indexed Job or a job array",
  },
  {
    name: "skip-login",
    type: "bool",
    default: false,
    help:
      "skip check the destination registry is logged in (used in shell script)",
  },
  {
    name: "timeout",
    type: "duration",
    default: "10m0s",
    help: "timeout when mirror each images",
  },
];

/** The flag that narrows what lines choose. */
export const NEWEST_FLAG: FlagSpec = {
  name: "newest",
  type: "int",
  default: 0,
  help:
    "take only the N newest versions of each line that chooses tags, such as nginx:1.*; 0 for all",
};

/**
 * Its value; undefined for all.
 *
 * @throws {HangarError} `usage`
 */
export function newestOf(values: FlagValues): number | undefined {
  const newest = values.int("newest");
  if (newest < 0) throw invalidFlag("--newest", newest, "want 0 or more");
  return newest || undefined;
}

/** The flag that keeps new images back. */
const MIN_AGE_FLAG: FlagSpec = {
  name: "min-age",
  type: "string",
  help:
    "leave images alone that were signed, or else first seen, less than this ago, such as 7d or 36h",
};

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The age in ms; undefined where images may be new.
 *
 * @throws {HangarError} `usage`
 */
export function minAgeOf(values: FlagValues): number | undefined {
  const text = values.string("min-age");
  if (text === undefined || text === "") return undefined;
  const days = /^(\d{1,5}(?:\.\d{1,3})?)([dw])$/.exec(text);
  const age = days
    ? Number(days[1]) * DAY_MS * (days[2] === "w" ? 7 : 1)
    : parseDuration(text);
  if (age !== undefined && age > 0) return age;
  throw invalidFlag("--min-age", text, "want an age, such as 7d or 36h");
}

/** The flag for the files of skopeo sync. */
export const SCOPED_FLAG: FlagSpec = {
  name: "scoped",
  type: "bool",
  default: false,
  help:
    "keep registry and path of the source in the destination, for files of skopeo sync",
};

/** Flags that choose platforms. */
export const PLATFORM_FLAGS: readonly FlagSpec[] = [
  {
    name: "arch",
    short: "a",
    type: "strings",
    suggested: [
      "amd64",
      "arm64",
      "arm/v7",
      "s390x",
      "ppc64le",
      "riscv64",
      "all",
    ],
    default: DEFAULT_WORDS.architectures,
    help: "architecture list of images",
  },
  {
    name: "os",
    type: "strings",
    suggested: ["linux", "windows", "all"],
    default: DEFAULT_WORDS.oses,
    help: "OS list of images",
  },
  {
    name: "platform",
    type: "strings",
    insteadOf: ["arch", "os"],
    suggested: ["linux/amd64", "linux/arm64", "linux/arm/v7", "all"],
    help: "os/arch[/variant] list of images, or all; replaces --arch and --os",
  },
];

/** Flags that say what the destination must hold in the end. */
export const SELECTION_FLAGS: readonly FlagSpec[] = [
  ...PLATFORM_FLAGS,
  NEWEST_FLAG,
  MIN_AGE_FLAG,
  SCOPED_FLAG,
  {
    name: "index",
    type: "string",
    choices: INDEX_MODES,
    default: "rebuild",
    help:
      "what becomes of an index with more platforms than are selected: rebuild it, copy all of it (whole), or keep it though some is not copied (sparse)",
  },
  {
    name: "missing",
    type: "bool",
    insteadOf: ["overwrite"],
    default: false,
    help: "leave images alone whose tag exists in the destination registry",
  },
  {
    name: "overwrite",
    type: "bool",
    default: false,
    help: "overwrite exist manifest index in destination registry",
  },
  {
    name: "provenance",
    type: "bool",
    default: true,
    help: "copy SLSA provenance",
  },
  {
    name: "remove-signatures",
    type: "bool",
    default: false,
    help: "do not copy image signatures when mirror images",
  },
];

/** `--failed`, with a default for each command. */
export function failedFlag(of: string, file: string): FlagSpec {
  return {
    name: "failed",
    short: "o",
    type: "string",
    isFile: true,
    default: file,
    help: `file name of the ${of} failed image list`,
  };
}

/**
 * The platforms that {@linkcode PLATFORM_FLAGS} choose.
 *
 * @param otherwise what `--arch` and `--os` are where only the other is given.
 * @default {amd64 and arm64, linux}
 * @throws {HangarError} `usage`, naming flag and value
 */
export function platformFilterOf(
  values: FlagValues,
  otherwise?: readonly string[],
): PlatformFilter {
  const given = (flag: string) =>
    values.given(flag) ? values.strings(flag) : undefined;
  const platforms = given("platform");
  const fallback = platforms ? undefined : otherwise;
  return parsePlatformFilter({
    platforms,
    architectures: given("arch") ?? fallback,
    oses: given("os") ?? fallback,
  });
}
