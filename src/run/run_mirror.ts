/**
 * The commands on lists: mirroring, validating, signing, checking signatures.
 *
 * @module
 */

import type { SourceStore } from "../oci/store.ts";
import { archiveRoutes, inArchive } from "../mirror/plan/plan_archive.ts";
import { AbsentDestination } from "../mirror/absent_destination.ts";
import type { IndexMode } from "../mirror/decide/decision.ts";
import { dryRunImage } from "../mirror/dry_run_image.ts";
import { withSettings } from "../mirror/entry_options.ts";
import { ExistingTags } from "../mirror/existing_tags.ts";
import type { Attester } from "../signing/attester.ts";
import type { ImageSigner, NamedChecker } from "../signing/image_signer.ts";
import {
  recentSources,
  type RunServices,
  servicesFor,
  type Stores,
} from "../mirror/image_run.ts";
import { FirstSeen } from "../mirror/first_seen.ts";
import type { Quarantine } from "../mirror/quarantine.ts";
import { mirrorImage } from "../mirror/mirror_image.ts";
import {
  type MirrorPlan,
  placeInPlace,
  planInPlace,
  planMirror,
  sourceAddress,
} from "../mirror/plan/plan_mirror.ts";
import {
  checkInPlace,
  type Required,
  REQUIRED_PARTS,
  signInPlace,
} from "../mirror/sign/sign_in_place.ts";
import { type Depth, validateImage } from "../mirror/validate_image.ts";
import type { PlatformFilter } from "../oci/platform.ts";
import { logEvents, logPlans } from "../report/log_events.ts";
import { logMissing } from "../report/log_missing.ts";
import { logSigning } from "../report/log_signing.ts";
import { logVerdicts } from "../report/log_verdicts.ts";
import {
  dryRunLine,
  signingLine,
  summaryLine,
  validationLine,
} from "../report/summary.ts";
import { NeededProjects } from "./destinations/harbor_projects.ts";
import type { MakeJudge } from "../machine/policy_files.ts";
import type {
  LeftOutContent,
  LookOptions,
} from "./archive/left_out_content.ts";
import type { RunProcess } from "./process.ts";
import { VERSION } from "../version.ts";
import type { ListJob, ListRunOptions } from "./list_job.ts";
import { runList } from "./run_list.ts";

/** How a list is mirrored. */
export interface MirrorRunOptions extends ListRunOptions {
  readonly filter: PlatformFilter;
  /** Whether the user gave the filter. @default {false} */
  readonly isFilterGiven?: boolean;
  readonly provenance: boolean;
  readonly overwrite: boolean;
  /** What becomes of indexes of which only a part is selected. */
  readonly index: IndexMode;
  /** Leave images alone whose tag is at the destination. */
  readonly missing: boolean;
  readonly signatures: boolean;
  /** How old images must be, in ms. @default {they may be new} */
  readonly minAgeMs?: number;
  /** Only report what would be done. */
  readonly dryRun: boolean;
  /** Make missing projects where a destination is Harbor. */
  readonly createProject: boolean;
  /** Signs what is mirrored. */
  readonly signer?: ImageSigner;
  /** Attests where images came from; a validation looks for what it attested. */
  readonly attester?: Attester;
  /** Judges what is mirrored. */
  readonly policy?: MakeJudge;
  /** @default {images are read from their registries} */
  readonly from?: ArchiveSource;
}

/** An archive that all images are read from. */
export interface ArchiveSource {
  /** The command that reads it. */
  readonly command: string;
  readonly store: SourceStore;
  /** What it has left out. @default {nothing} */
  readonly leftOut?: (look: LookOptions) => LeftOutContent;
}

const TOOL = { name: "hangar", version: VERSION } as const;

/** Mirrors a list; gives the exit code. */
export async function runMirror(
  options: MirrorRunOptions,
  process: RunProcess,
): Promise<number> {
  const { dryRun } = options;
  const projects = new NeededProjects(dryRun);
  const { from } = options;
  return await runList(options, process, {
    command: from?.command ?? "mirror",
    ...planFrom(from),
    dryRun,
    log: dryRun ? logPlans : options.missing ? logMissing : logEvents,
    summary: dryRun ? dryRunLine : summaryLine,
    needsLogin: !options.skipLogin,
    prepare: options.createProject
      ? (...run) => projects.provide(...run)
      : undefined,
    work: (network, plan, trace) => {
      const base = network.runServices("pull,push");
      const destination: Stores["destination"] = (image) =>
        projects.isAbsent(image)
          ? new AbsentDestination(image.registry)
          : base.stores.destination(image);
      const { stores, ready } = readFrom(from, {
        stores: { ...base.stores, destination },
        blobs: base.blobs,
        plan,
        places: options,
      });
      const services: RunServices = {
        ...base,
        stores,
        trace,
        sharedSources: network.sharedSources(plan),
        recentSources: from ? undefined : recentSources(plan.tasks),
      };
      const how = {
        ...options,
        quarantine: quarantineOf(options, process, !dryRun),
        existing: existingOf(options, plan, stores),
        attest: options.attester &&
          { attester: options.attester, tool: TOOL },
        judge: options.policy?.(network.plainTransport),
      };
      const work = dryRun ? dryRunImage : mirrorImage;
      return async (job) => {
        await ready(job.signal);
        const own = withSettings(how, job.task.settings);
        return await work(job, servicesFor(services, job), own);
      };
    },
  });
}

/** Validates what mirroring a list should have given; gives the exit code. */
export async function runValidate(
  options: MirrorRunOptions,
  depth: Depth,
  process: RunProcess,
): Promise<number> {
  const { from } = options;
  return await runList(options, process, {
    command: `${from?.command ?? "mirror"} validate`,
    ...planFrom(from),
    log: logVerdicts,
    summary: validationLine,
    needsLogin: false,
    work: (network, plan) => {
      const base = network.runServices("pull");
      const { stores, blobs } = base;
      const source = readFrom(from, { stores, blobs, plan, places: options });
      const services = {
        ...base,
        stores: source.stores,
        sharedSources: network.sharedSources(plan),
        recentSources: from ? undefined : recentSources(plan.tasks),
      };
      const how = {
        ...options,
        quarantine: quarantineOf(options, process, false),
        depth,
        existing: existingOf(options, plan, services.stores),
        checker: options.signer,
        judge: options.policy?.(network.plainTransport),
      };
      return async (job) => {
        await source.ready(job.signal);
        const own = withSettings(how, job.task.settings);
        return await validateImage(job, servicesFor(services, job), own);
      };
    },
  });
}

/** How a list is planned whose images are in an archive. */
function planFrom(
  from: ArchiveSource | undefined,
): Pick<ListJob, "plan" | "placeOf" | "tagsFrom"> {
  if (!from) return {};
  const { store } = from;
  return {
    tagsFrom: store,
    placeOf: (choice, options) =>
      inArchive(sourceAddress(choice, options), store.id),
    plan: (list, options) =>
      planMirror(list, {
        ...options,
        routes: archiveRoutes(store.id, options.routes),
      }),
  };
}

/** The stores of a run that may read an archive, and what it begins with. */
function readFrom(
  from: ArchiveSource | undefined,
  look: LookOptions & { readonly stores: Stores },
): {
  readonly stores: Stores;
  readonly ready: (signal: AbortSignal) => Promise<void>;
} {
  const { stores } = look;
  if (!from) return { stores, ready: () => Promise.resolve() };
  const leftOut = from.leftOut?.(look);
  const store = leftOut?.around(from.store) ?? from.store;
  return {
    stores: { ...stores, source: () => store },
    ready: async (signal) => await leftOut?.ready(signal),
  };
}

/** What keeps images back that are too young. */
function quarantineOf(
  { minAgeMs }: MirrorRunOptions,
  { now = Date.now }: Pick<RunProcess, "now">,
  mayWrite: boolean,
): Quarantine | undefined {
  return minAgeMs === undefined
    ? undefined
    : { minAgeMs, now, mayWrite, seen: new FirstSeen(now) };
}

function existingOf(
  { missing }: MirrorRunOptions,
  { tasks }: MirrorPlan,
  { destination }: Stores,
): ExistingTags | undefined {
  return missing ? new ExistingTags(tasks, destination) : undefined;
}

/** How images that are in place are worked on. */
export interface InPlaceOptions extends ListRunOptions {
  /** Which parts of multi-arch images are meant. @default {all} */
  readonly parts?: PlatformFilter;
}

/** Signs the images of a list where they are; gives the exit code. */
export async function runSign(
  options: InPlaceOptions,
  signer: ImageSigner,
  process: RunProcess,
): Promise<number> {
  return await runList(options, process, {
    command: "sign",
    log: (console, rows) => logSigning(console, rows),
    summary: signingLine,
    plan: planInPlace,
    placeOf: placeInPlace,
    needsLogin: !options.skipLogin,
    work: (network) => {
      const services = network.runServices("pull,push");
      return (job) =>
        signInPlace(job, services, {
          signer,
          parts: options.parts,
        });
    },
  });
}

/** Checks the signatures of the images of a list; gives the exit code. */
export async function runSignValidate(
  options: InPlaceOptions,
  checker: NamedChecker,
  required: Required,
  process: RunProcess,
): Promise<number> {
  return await runList(options, process, {
    command: "sign validate",
    log: (console, rows) => logSigning(console, rows, REQUIRED_PARTS[required]),
    summary: validationLine,
    plan: planInPlace,
    placeOf: placeInPlace,
    needsLogin: false,
    work: (network) => {
      const services = network.runServices("pull");
      return (job) =>
        checkInPlace(job, services, {
          checker,
          required,
          parts: options.parts,
        });
    },
  });
}
