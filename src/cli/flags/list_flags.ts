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
    help: "file for a report in JSON, - for standard output",
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
  {
    name: "newest",
    type: "int",
    default: 0,
    help:
      "only the N newest versions of each line that chooses tags; 0 for all",
  },
  {
    name: "index",
    type: "string",
    choices: INDEX_MODES,
    default: "rebuild",
    help:
      "indexes with more platforms than are selected: rebuild them, copy them whole, or keep them though not all is copied (sparse)",
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
