/**
 * `hangar mirror`: flags to options.
 *
 * @module
 */

import {
  parseRegistryAddress,
  type RegistryAddress,
} from "../../names/address.ts";
import { HangarError, invalidFlag } from "../../errors.ts";
import { INDEX_MODES } from "../../mirror/decide/decision.ts";
import type { Depth } from "../../mirror/validate_image.ts";
import { parseShard, type Shard } from "../../mirror/plan/shard.ts";
import { parseProject } from "../../names/reference.ts";
import { VERIFY_MODES } from "../../oci/digest.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import type { FlagSpec, FlagValues } from "../flags/flags.ts";
import {
  failedFlag,
  LIST_FLAGS,
  minAgeOf,
  newestOf,
  platformFilterOf,
  PROGRESS_MODES,
  SELECTION_FLAGS,
} from "../flags/list_flags.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { loadPolicy, POLICY_FLAGS } from "../flags/policy_options.ts";
import { type ListRunOptions, MAX_JOBS } from "../../run/list_job.ts";
import {
  type MirrorRunOptions,
  runMirror,
  runValidate,
} from "../../run/run_mirror.ts";
import {
  ATTEST_FLAG,
  loadOwnChecker,
  loadSigner,
  SIGN_FLAGS,
  signersOf,
} from "../flags/sign_options.ts";

// These flags decide what the destination must hold, so `validate` takes them
// too.
const EXPECTATION_FLAGS: readonly FlagSpec[] = [
  ...LIST_FLAGS,
  ...SELECTION_FLAGS,
  ...SIGN_FLAGS,
  ATTEST_FLAG,
  ...POLICY_FLAGS,
  ...NETWORK_FLAGS,
];

/** The flags of a command that writes to registries. */
export const WRITING_FLAGS: readonly FlagSpec[] = [
  {
    name: "create-project",
    type: "bool",
    default: false,
    help:
      "create missing projects, as private ones, where the destination is Harbor",
  },
  {
    name: "verify",
    type: "string",
    choices: VERIFY_MODES,
    default: "auto",
    help:
      "who checks the digests of large blobs: auto (the destination, once it has refused a wrong one), always (hangar)",
  },
  {
    name: "dry-run",
    type: "bool",
    default: false,
    help: "show what would be copied, and write nothing",
  },
];

/** Flags and help texts as in the manual, and flags of our own. */
export const MIRROR_FLAGS: readonly FlagSpec[] = [
  ...EXPECTATION_FLAGS,
  failedFlag("mirror", "mirror-failed.txt"),
  ...WRITING_FLAGS,
];

/** The values of `--deep`. Without it, only manifests are compared. */
export const DEEP = ["blobs", "bytes"] as const satisfies readonly Depth[];

/** `--deep` */
export const DEEP_FLAG: FlagSpec = {
  name: "deep",
  type: "string",
  bare: "blobs",
  choices: DEEP,
  default: "",
  help:
    "look for every blob too, or with --deep=bytes pull and hash every blob",
};

/**
 * `hangar mirror validate`. It takes the flags of `mirror`, except those for
 * writing.
 */
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
  unlikeParent: "writes nothing",
  flags: [
    ...EXPECTATION_FLAGS,
    failedFlag("validate", "mirror-validate-failed.txt"),
    DEEP_FLAG,
  ],
  run: async (values, context) =>
    await runValidate(
      {
        ...expectationOptions(values, context),
        ...signersOf(values, await loadOwnChecker(values, context)),
        policy: await loadPolicy(values, context),
      },
      values.choice("deep", DEEP) ?? "manifests",
      context,
    ),
};

/** The command. */
export const mirrorCommand: CommandSpec<CliContext> = {
  name: "mirror",
  aliases: ["m"],
  alsoCalled: ["push", "pull"],
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
      {
        ...mirrorOptions(values, context),
        ...signersOf(values, await loadSigner(values, context)),
        policy: await loadPolicy(values, context),
      },
      context,
    ),
};

/** The flags that replace parts of all sources and destinations. */
export interface AddressFlags {
  readonly source?: string;
  readonly sourceProject?: string;
  readonly destination?: string;
  readonly destinationProject?: string;
}

const ADDRESS_FLAGS: AddressFlags = {
  source: "source",
  sourceProject: "source-project",
  destination: "destination",
  destinationProject: "destination-project",
};

/**
 * Turns the flags that every command on a list has into options.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function listOptions(
  values: FlagValues,
  { env }: Pick<CliContext, "env">,
  flags: AddressFlags = ADDRESS_FLAGS,
): ListRunOptions {
  const warnings: string[] = [];
  const address = (flag: string | undefined) => {
    const value = flag && values.string(flag);
    return value ? parseRegistryAddress(value, `--${flag}`) : undefined;
  };
  const project = (flag: string | undefined) => {
    const value = flag && values.string(flag);
    return value ? parseProject(value, `--${flag}`) : undefined;
  };
  const reach = reachOptions(values);
  const source = address(flags.source);
  const [destination, ...furtherDestinations] = flags.destination
    ? destinationsOf(values)
    : [];
  if (reach.tlsVerify) {
    for (const flag of [flags.source, flags.destination]) {
      for (const value of flag ? values.texts(flag) : []) {
        if (!/^http:/i.test(value)) continue;
        throw new HangarError(
          "usage",
          `--${flag} ${value} contradicts --tls-verify, which requires HTTPS`,
        );
      }
    }
  }
  const part = values.string("shard");
  const shard = part === undefined
    ? undefined
    : parseShard(part, "--shard", env);
  return {
    ...reach,
    input: { file: values.string("file") ?? "" },
    failed: failedPath(values, shard),
    shard,
    source,
    sourceProject: project(flags.sourceProject),
    destination,
    furtherDestinations,
    destinationProject: project(flags.destinationProject),
    jobs: reach.debug ? 1 : jobsOf(values, warnings),
    areJobsDefault: !reach.debug && !values.given("jobs"),
    timeoutMs: values.durationMs("timeout"),
    skipLogin: flags.destination === undefined || values.bool("skip-login"),
    progress: reach.quiet ? "none" : values.choice("progress", PROGRESS_MODES),
    metrics: values.string("metrics"),
    report: values.string("report"),
    warnings,
  };
}

/** The registries of `--destination`, each once. */
function destinationsOf(values: FlagValues): readonly RegistryAddress[] {
  const given = values.texts("destination").filter((value) => value !== "");
  const addresses = given.map((value) =>
    parseRegistryAddress(value, "--destination")
  );
  for (const [i, { host }] of addresses.entries()) {
    if (addresses.findIndex((other) => other.host === host) === i) continue;
    throw invalidFlag("--destination", given[i]!, `${host} is given twice`);
  }
  return addresses;
}

/**
 * Where the failed list goes. Parts of a list that run in one directory must
 * not replace each other's.
 */
function failedPath(values: FlagValues, shard: Shard | undefined): string {
  const path = values.string("failed")!;
  return shard === undefined || values.given("failed")
    ? path
    : path.replace(/\.txt$/, `-${shard.index}-of-${shard.count}.txt`);
}

/**
 * Turns the flags of `mirror` into options.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function mirrorOptions(
  values: FlagValues,
  context: Pick<CliContext, "env">,
): MirrorRunOptions {
  if (values.bool("dry-run") && values.given("metrics")) {
    throw new HangarError(
      "usage",
      "--metrics tells what a run did, and with --dry-run it does nothing: give one of them",
    );
  }
  return {
    ...expectationOptions(values, context),
    createProject: values.bool("create-project"),
    verify: values.choice("verify", VERIFY_MODES),
    dryRun: values.bool("dry-run"),
  };
}

/** Turns {@linkcode EXPECTATION_FLAGS} and `--failed` into options. */
export function expectationOptions(
  values: FlagValues,
  context: Pick<CliContext, "env">,
  flags: AddressFlags = ADDRESS_FLAGS,
): MirrorRunOptions {
  const selection = selectionOptions(values);
  const list = listOptions(values, context, flags);
  return {
    ...list,
    ...selection,
    newest: newestOf(values),
    warnings: [...list.warnings, ...selection.warnings],
    scoped: values.optionalBool("scoped"),
    createProject: false,
    dryRun: false,
  };
}

/** What is selected of images, and what becomes of what is there. */
type Selected =
  & Pick<MirrorRunOptions, "filter" | "isFilterGiven" | "index" | "provenance">
  & Pick<MirrorRunOptions, "overwrite" | "missing" | "minAgeMs" | "signatures">
  & { readonly warnings: readonly string[] };

/**
 * Turns the flags that say what of an image is wanted into options.
 *
 * @throws {HangarError} `usage`, naming flag and value
 */
export function selectionOptions(values: FlagValues): Selected {
  if (values.bool("missing") && values.bool("overwrite")) {
    throw new HangarError(
      "usage",
      "--missing leaves alone what is there, --overwrite writes it anew: give one of them",
    );
  }
  const index = values.choice("index", INDEX_MODES) ?? "rebuild";
  const unused = ["arch", "os", "platform"].filter((one) => values.given(one));
  return {
    warnings: index === "whole" && unused.length > 0
      ? [`--index whole copies all platforms: --${unused[0]} is not looked at`]
      : [],
    filter: platformFilterOf(values),
    isFilterGiven: isFilterGiven(values),
    index,
    provenance: values.bool("provenance"),
    overwrite: values.bool("overwrite"),
    missing: values.bool("missing"),
    minAgeMs: minAgeOf(values),
    signatures: !values.bool("remove-signatures"),
  };
}

/** Whether the user chooses platforms; the default does not count everywhere. */
export function isFilterGiven(values: FlagValues): boolean {
  return ["arch", "os", "platform"].some((flag) => values.given(flag));
}

/** The number of jobs, within its bounds. */
export function jobsOf(values: FlagValues, warnings: string[]): number {
  const asked = values.int("jobs");
  const jobs = Math.min(MAX_JOBS, Math.max(1, asked));
  if (jobs !== asked) {
    warnings.push(`--jobs ${asked} is outside 1-${MAX_JOBS}: set to ${jobs}`);
  }
  return jobs;
}
