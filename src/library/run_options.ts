/**
 * Turns a program's options into those of a run.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { INDEX_MODES } from "../mirror/decide/decision.ts";
import type { MirrorEvent } from "../mirror/events.ts";
import { checkShard, formatShard } from "../mirror/plan/shard.ts";
import {
  parseRegistryAddress,
  type RegistryAddress,
} from "../names/address.ts";
import { parseProject } from "../names/reference.ts";
import { VERIFY_MODES } from "../oci/digest.ts";
import { parsePlatformFilter } from "../oci/platform.ts";
import type { RunProcess } from "../run/process.ts";
import type { MirrorRunOptions as RunOptions } from "../run/run_mirror.ts";
import { accessOf, reachOf } from "./access.ts";
import {
  invalidOption,
  milliseconds,
  oneOf,
  refusePlain,
  refuseTogether,
  wholeNumber,
} from "./check_options.ts";
import { guarded } from "./guarded.ts";
import type { ContentOptions, MirrorOptions } from "./options.ts";
import { policyOf } from "./policy.ts";
import { signersOf } from "./signer.ts";

const MAX_JOBS = 20;
const TIMEOUT_MS = 600_000;

/** Everything but the images and where they go. */
export type ContentRun = Omit<RunOptions, "input">;

/**
 * What is copied, judged and signed.
 *
 * @throws {HangarError} `usage`, naming the option; `file` or `key` for a policy
 * or a key that cannot be used
 */
export async function contentRun(
  options: ContentOptions,
  process: RunProcess,
): Promise<ContentRun> {
  const { signatures = true, provenance = true, overwrite = false } = options;
  const signers = options.signer &&
    await signersOf(options.signer, process.env);
  if (options.attest && !signers) {
    throw new HangarError("usage", "attest wants a signer: give signer too");
  }
  const events = oneOf("events", options.events, ["images", "all"]);
  return {
    ...reachOf(options),
    access: accessOf(options, process),
    verify: oneOf("verify", options.verify, VERIFY_MODES),
    filter: parsePlatformFilter({
      platforms: options.platform,
      architectures: options.arch,
      oses: options.os,
    }),
    timeoutMs: milliseconds("timeoutMs", options.timeoutMs, TIMEOUT_MS),
    jobs: 1,
    skipLogin: false,
    overwrite,
    index: oneOf("index", options.index, INDEX_MODES),
    missing: false,
    signatures,
    provenance,
    dryRun: false,
    createProject: false,
    warnings: [],
    signer: signers?.signer,
    attester: options.attest ? signers?.attester : undefined,
    policy: await policyOf(options.policy, process.env),
    onEvent: options.onEvent &&
      guarded(events === "all" ? options.onEvent : ofImages(options.onEvent)),
  };
}

/** The few events that a program usually acts on. */
const OF_IMAGES: ReadonlySet<MirrorEvent["type"]> = new Set([
  "image-started",
  "image-finished",
  "warning",
  "note",
]);

function ofImages(
  see: (event: MirrorEvent) => void,
): (event: MirrorEvent) => void {
  return (event) => {
    if (OF_IMAGES.has(event.type)) see(event);
  };
}

/**
 * The same for a list of images.
 *
 * @throws {HangarError} as {@linkcode contentRun}
 */
export async function mirrorRun(
  options: MirrorOptions,
  process: RunProcess,
): Promise<ContentRun> {
  refuseTogether(
    { ...options },
    "missing",
    "overwrite",
    "one leaves alone what is there, the other writes it anew",
  );
  const { source, sourceProject, destinationProject, shard } = options;
  const destinations = destinationsOf(options);
  refusePlain(options, "source", source);
  for (const { text } of destinations) {
    refusePlain(options, "destination", text);
  }
  return {
    ...await contentRun(options, process),
    source: source ? parseRegistryAddress(source, "source") : undefined,
    destination: destinations[0]?.address,
    furtherDestinations: destinations.slice(1).map(({ address }) => address),
    sourceProject: sourceProject
      ? parseProject(sourceProject, "sourceProject")
      : undefined,
    destinationProject: destinationProject
      ? parseProject(destinationProject, "destinationProject")
      : undefined,
    jobs: wholeNumber("jobs", options.jobs, {
      fallback: 1,
      min: 1,
      max: MAX_JOBS,
    }),
    skipLogin: options.skipLogin ?? false,
    missing: options.missing ?? false,
    shard: shard && checkShard(shard, "shard", formatShard(shard)),
  };
}

/** The destination registries, each once. */
function destinationsOf({ destination = [] }: MirrorOptions): readonly {
  readonly text: string;
  readonly address: RegistryAddress;
}[] {
  const given = typeof destination === "string" ? [destination] : destination;
  const hosts = new Set<string>();
  return given.filter((text) => text !== "").map((text) => {
    const address = parseRegistryAddress(text, "destination");
    if (hosts.has(address.host)) {
      throw invalidOption(
        "destination",
        text,
        `${address.host} is given twice`,
      );
    }
    hosts.add(address.host);
    return { text, address };
  });
}
