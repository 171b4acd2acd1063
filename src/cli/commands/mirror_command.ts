/**
 * `hangar mirror`: flags to options.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { Depth } from "../../mirror/validate_image.ts";
import { parseProject, parseRegistryAddress } from "../../names/reference.ts";
import {
  DEFAULT_WORDS,
  parsePlatformFilter,
  type PlatformFilter,
} from "../../oci/platform.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import type { FlagSpec, FlagValues } from "../flags/flags.ts";
import type { ProgressMode } from "../list_progress.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { loadPolicy, POLICY_FLAGS } from "../flags/policy_options.ts";
import type { ListRunOptions } from "../run_list.ts";
import {
  type MirrorRunOptions,
  runMirror,
  runValidate,
} from "../run_mirror.ts";
import {
  loadOwnChecker,
  loadSigner,
  SIGN_FLAGS,
} from "../flags/sign_options.ts";

const MAX_JOBS = 20;

/** Flags and help texts as in the manual. */
export const MIRROR_FLAGS: readonly FlagSpec[] = [
  {
    name: "file",
    short: "f",
    type: "string",
    help: "image list file",
    required: true,
  },
  {
    name: "arch",
    short: "a",
    type: "strings",
    default: DEFAULT_WORDS.architectures,
    help: "architecture list of images",
  },
  {
    name: "os",
    type: "strings",
    default: DEFAULT_WORDS.oses,
    help: "OS list of images",
  },
  {
    name: "platform",
    type: "strings",
    help:
      "os/arch[/variant] list of images, or all; instead of --arch and --os",
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
    help: "specify the destination image registry",
  },
  {
    name: "destination-project",
    type: "string",
    help: "override all destination image projects",
  },
  {
    name: "failed",
    short: "o",
    type: "string",
    default: "mirror-failed.txt",
    help: "file name of the mirror failed image list",
  },
  {
    name: "jobs",
    short: "j",
    type: "int",
    default: 1,
    help: "worker number, copy images parallelly (1-20)",
  },
  {
    name: "create-project",
    type: "bool",
    default: false,
    help: "make missing projects in a destination that is Harbor, private ones",
  },
  {
    name: "dry-run",
    type: "bool",
    default: false,
    help: "show what would be copied, and write nothing",
  },
  {
    name: "missing",
    type: "bool",
    default: false,
    help: "leave alone images whose tag is in the destination registry",
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
    name: "progress",
    type: "string",
    choices: ["auto", "plain", "none"],
    default: "auto",
    help:
      "auto: a display on a terminal, else plain; plain: a line every 10s; none",
  },
  {
    name: "report",
    type: "string",
    help: "file for a report in JSON, - for standard output",
  },
  {
    name: "remove-signatures",
    type: "bool",
    default: false,
    help: "do not copy image signatures when mirror images",
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
  ...SIGN_FLAGS,
  ...POLICY_FLAGS,
  ...NETWORK_FLAGS,
];

const DEPTHS: readonly string[] = ["manifests", "blobs", "bytes"];

/** `hangar mirror validate`, which takes every flag of `mirror`. */
const validateCommand: CommandSpec<CliContext> = {
  name: "validate",
  summary: "Ensure the images were mirrored correctly",
  usage: [
    "hangar mirror validate -f IMAGE_LIST.txt -d DESTINATION_REGISTRY [flags]",
  ],
  examples:
    `# Compare what the destination holds with what mirroring should have given.
hangar mirror validate \\
	--file IMAGE_LIST.txt \\
	--source SOURCE_REGISTRY \\
	--destination DESTINATION_REGISTRY \\
	--deep`,
  flags: [
    {
      name: "failed",
      short: "o",
      type: "string",
      default: "mirror-validate-failed.txt",
      help: "file name of the validate failed image list",
    },
    {
      name: "deep",
      type: "string",
      bare: "blobs",
      default: "",
      help:
        "look for every blob too, or with --deep=bytes pull and hash every blob",
    },
  ],
  run: async (values, context) => {
    const depth = values.string("deep") || "manifests";
    if (!isDepth(depth)) {
      throw new HangarError(
        "usage",
        `invalid value ${
          JSON.stringify(depth)
        } for --deep: want blobs or bytes`,
      );
    }
    return await runValidate(
      await loadOptions(values, context, loadOwnChecker),
      depth,
      context,
    );
  },
};

function isDepth(text: string): text is Depth {
  return DEPTHS.includes(text);
}

/** The command. */
export const mirrorCommand: CommandSpec<CliContext> = {
  name: "mirror",
  aliases: ["m"],
  summary: "Mirror images between registry servers",
  usage: [
    "hangar mirror -f IMAGE_LIST.txt -d DESTINATION_REGISTRY [flags]",
    "hangar mirror [command]",
  ],
  examples: `# Mirror images from SOURCE REGISTRY to DESTINATION REGISTRY.
hangar mirror \\
	--file IMAGE_LIST.txt \\
	--source SOURCE_REGISTRY \\
	--destination DESTINATION_REGISTRY \\
	--arch amd64,arm64 \\
	--os linux \\
	--sigstore-private-key SIGSTORE.key`,
  flags: MIRROR_FLAGS,
  subcommands: [validateCommand],
  run: async (values, context) =>
    await runMirror(
      await loadOptions(values, context),
      context,
    ),
};

/**
 * What the flags that every command on a list has come to.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function listOptions(values: FlagValues): ListRunOptions {
  const warnings: string[] = [];
  const address = (flag: string) => {
    const value = values.string(flag);
    return value ? parseRegistryAddress(value, `--${flag}`) : undefined;
  };
  const project = (flag: string) => {
    const value = values.string(flag);
    return value ? parseProject(value, `--${flag}`) : undefined;
  };
  const reach = reachOptions(values);
  const source = address("source");
  const destination = address("destination");
  if (reach.tlsVerify) {
    for (const flag of ["source", "destination"]) {
      if (/^http:/i.test(values.string(flag) ?? "")) {
        throw new HangarError(
          "usage",
          `--${flag} ${
            values.string(flag)
          } contradicts --tls-verify, which requires HTTPS`,
        );
      }
    }
  }
  return {
    ...reach,
    file: values.string("file")!,
    failed: values.string("failed")!,
    source,
    sourceProject: project("source-project"),
    destination,
    destinationProject: project("destination-project"),
    jobs: reach.debug ? 1 : jobsOf(values, warnings),
    timeoutMs: values.durationMs("timeout"),
    skipLogin: values.bool("skip-login"),
    progress: progressOf(values),
    report: values.string("report"),
    warnings,
  };
}

/**
 * What the flags of `mirror` come to.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function mirrorOptions(values: FlagValues): MirrorRunOptions {
  if (values.bool("missing") && values.bool("overwrite")) {
    throw new HangarError(
      "usage",
      "--missing leaves alone what is there, --overwrite writes it anew: give one of them",
    );
  }
  return {
    ...listOptions(values),
    filter: filterOf(values),
    provenance: values.bool("provenance"),
    overwrite: values.bool("overwrite"),
    missing: values.bool("missing"),
    createProject: values.bool("create-project"),
    dryRun: values.bool("dry-run"),
    signatures: !values.bool("remove-signatures"),
  };
}

function filterOf(values: FlagValues): PlatformFilter {
  const given = (flag: string) =>
    values.given(flag) ? values.strings(flag) : undefined;
  return parsePlatformFilter({
    platforms: given("platform"),
    architectures: given("arch"),
    oses: given("os"),
  });
}

/** The same, with the files that the flags name. */
async function loadOptions(
  values: FlagValues,
  context: CliContext,
  load: typeof loadSigner = loadSigner,
): Promise<MirrorRunOptions> {
  return {
    ...mirrorOptions(values),
    signer: await load(values, context),
    policy: await loadPolicy(values, context),
  };
}

function progressOf(values: FlagValues): ProgressMode {
  const mode = values.string("progress");
  return mode === "plain" || mode === "none" ? mode : "auto";
}

function jobsOf(values: FlagValues, warnings: string[]): number {
  const asked = values.int("jobs");
  const jobs = Math.min(MAX_JOBS, Math.max(1, asked));
  if (jobs !== asked) {
    warnings.push(`--jobs ${asked} is outside 1-${MAX_JOBS}: set to ${jobs}`);
  }
  return jobs;
}
