/**
 * A whole mirror run: list, plan, login, images, failed list, exit code.
 *
 * @module
 */

import { Keychain } from "../auth/keychain.ts";
import { describeError, HangarError } from "../errors.ts";
import { AbsentDestination } from "../mirror/absent_destination.ts";
import { currentImage } from "../mirror/current_image.ts";
import { dryRunImage } from "../mirror/dry_run_image.ts";
import type { MirrorEventSink, MirrorOutcome } from "../mirror/events.ts";
import { ExistingTags } from "../mirror/existing_tags.ts";
import { forEachImage, type ImageWork } from "../mirror/for_each_image.ts";
import { HostBrake } from "../mirror/host_brake.ts";
import type { ImageSigner, SignatureChecker } from "../mirror/image_signer.ts";
import { mirrorImage, type MirrorTools } from "../mirror/mirror_image.ts";
import { checkInPlace, signInPlace } from "../mirror/sign_in_place.ts";
import { type Depth, validateImage } from "../mirror/validate_image.ts";
import {
  formatAddress,
  type ImageAddress,
  type MirrorPlan,
  planInPlace,
  planMirror,
  type PlanOptions,
} from "../mirror/plan.ts";
import { type ImageList, parseImageList } from "../names/image_list.ts";
import type { RegistryAddress } from "../names/reference.ts";
import type { Trace } from "../oci/store.ts";
import type { PlatformFilter } from "../oci/platform.ts";
import {
  type Console,
  logEvents,
  logPlans,
  logSigning,
  logVerdicts,
} from "../report/console.ts";
import { checkFailedPath, writeFailedList } from "../report/failed_list.ts";
import { type MirrorReport, ReportCollector } from "../report/json_report.ts";
import {
  dryRunLine,
  signingLine,
  summaryLine,
  Tally,
  validationLine,
} from "../report/summary.ts";
import { allOf } from "../together.ts";
import type { CliContext } from "./context.ts";
import { ExitCode } from "./exit_code.ts";
import { askForLogin, tryAndKeep } from "./login.ts";
import { readTextInput } from "./read_input.ts";
import { VERSION } from "../version.ts";
import { ListProgress, type ProgressMode } from "./list_progress.ts";
import {
  connectNetwork,
  consoleFor,
  type ReachOptions,
} from "./network_options.ts";
import type { MakeJudge } from "./policy_options.ts";
import { loadTrace } from "./traces.ts";
import { writeReport } from "./write_report.ts";
import { loadRoutes } from "./registries_files.ts";
import type { Network } from "./wire.ts";

/** How a list is worked through. */
export interface ListRunOptions extends PlanOptions, ReachOptions {
  /** The image list, `-` for standard input. */
  readonly file: string;
  /** Where the failed list goes; without it there is none. */
  readonly failed?: string;
  readonly jobs: number;
  /** Per image, in ms; 0 for no limit. */
  readonly timeoutMs: number;
  readonly skipLogin: boolean;
  /** @default {"none"} */
  readonly progress?: ProgressMode;
  /** A file for the report, `-` for standard output. */
  readonly report?: string;
  /** Receives the report, as a program's caller does. */
  readonly onReport?: (report: MirrorReport) => void;
  /** Sees what happens. */
  readonly onEvent?: MirrorEventSink;
  /** What was wrong with flags, but not wrong enough to stop. */
  readonly warnings: readonly string[];
}

/** What the flags of `mirror` come to. */
export interface MirrorRunOptions extends ListRunOptions {
  readonly filter: PlatformFilter;
  readonly provenance: boolean;
  readonly overwrite: boolean;
  /** Leave alone what is there. */
  readonly missing: boolean;
  readonly signatures: boolean;
  /** Only tell what would be done. */
  readonly dryRun: boolean;
  /** Make missing projects of destinations that are Harbor. */
  readonly createProject: boolean;
  /** Signs what is mirrored. */
  readonly signer?: ImageSigner;
  /** Judges what is mirrored. */
  readonly policy?: MakeJudge;
}

/** Mirrors a list; gives the exit code. */
export async function runMirror(
  options: MirrorRunOptions,
  context: CliContext,
): Promise<number> {
  const { dryRun } = options;
  /** Projects that a real run would make, as `host/project`. */
  const absent = new Set<string>();
  return await runList(options, context, {
    command: "mirror",
    dryRun,
    log: dryRun ? logPlans : logEvents,
    summary: dryRun ? dryRunLine : summaryLine,
    needsLogin: !options.skipLogin,
    prepare: options.createProject
      ? (network, plan, console, signal) =>
        dryRun
          ? findProjects(network, plan, console, absent, signal)
          : createProjects(network, plan, console, signal)
      : undefined,
    work: (network, plan, trace) => {
      const { destination } = network.mirrorTools();
      const tools: MirrorTools = {
        ...network.mirrorTools(),
        destination: (image) =>
          absent.has(projectOf(image).key)
            ? new AbsentDestination(image.registry.host)
            : destination(image),
        trace,
        ...existingOf(options, plan, network.mirrorTools().destination),
        signer: options.signer,
        policy: options.policy?.(network.plainTransport),
      };
      const work = dryRun ? dryRunImage : mirrorImage;
      return (task, events, signal) =>
        work(task, options, tools, events, signal);
    },
  });
}

/** Validates what mirroring a list should have given; gives the exit code. */
export async function runValidate(
  options: MirrorRunOptions,
  depth: Depth,
  context: CliContext,
): Promise<number> {
  return await runList(options, context, {
    command: "mirror validate",
    log: logVerdicts,
    summary: validationLine,
    needsLogin: false,
    work: (network, plan) => {
      const tools = {
        ...network.validateTools(),
        ...existingOf(options, plan, network.validateTools().destination),
        signatures: options.signer,
        policy: options.policy?.(network.plainTransport),
      };
      return (task, events, signal) =>
        validateImage(task, { ...options, depth }, tools, events, signal);
    },
  });
}

function existingOf(
  { missing }: MirrorRunOptions,
  { tasks }: MirrorPlan,
  destination: MirrorTools["destination"],
): Pick<MirrorTools, "existing"> {
  return missing ? { existing: new ExistingTags(tasks, destination) } : {};
}

/** Signs the images of a list where they are; gives the exit code. */
export async function runSign(
  options: ListRunOptions,
  signer: ImageSigner,
  context: CliContext,
): Promise<number> {
  return await runList(options, context, {
    command: "sign",
    log: logSigning,
    summary: signingLine,
    plan: planInPlace,
    needsLogin: !options.skipLogin,
    work: (network) => {
      const tools = network.signTools("pull,push");
      return (task, events, signal) =>
        signInPlace(task, signer, tools, events, signal);
    },
  });
}

/** Checks the signatures of the images of a list; gives the exit code. */
export async function runSignValidate(
  options: ListRunOptions,
  checker: SignatureChecker,
  context: CliContext,
): Promise<number> {
  return await runList(options, context, {
    command: "sign validate",
    log: logSigning,
    summary: validationLine,
    plan: planInPlace,
    needsLogin: false,
    work: (network) => {
      const tools = network.signTools("pull");
      return (task, events, signal) =>
        checkInPlace(task, checker, tools, events, signal);
    },
  });
}

/** What is done with a list, and how it is told. */
interface ListJob {
  readonly command: string;
  /** @default {false} */
  readonly dryRun?: boolean;
  /** @default {planMirror} */
  readonly plan?: typeof planMirror;
  readonly log: (console: Console) => MirrorEventSink;
  readonly summary: typeof summaryLine;
  /** Whether the destinations are asked for a login first. */
  readonly needsLogin: boolean;
  /** What is done before the first image. */
  readonly prepare?: (
    network: Network,
    plan: MirrorPlan,
    console: Console,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly work: (
    network: Network,
    plan: MirrorPlan,
    trace: Trace | undefined,
  ) => ImageWork;
}

/** The project of a repository in Harbor: the first part of its name. */
interface Project {
  readonly registry: RegistryAddress;
  readonly project: string;
  /** `host/project` */
  readonly key: string;
}

function projectOf({ registry, repository }: ImageAddress): Project {
  const project = repository.slice(0, Math.max(0, repository.indexOf("/")));
  return { registry, project, key: `${registry.host}/${project}` };
}

/** The projects of the destinations, each once. */
function projectsOf({ tasks }: MirrorPlan): Project[] {
  const wanted = new Map<string, Project>();
  for (const { destination, refusal, skip } of tasks) {
    const project = projectOf(destination);
    if (refusal || skip !== undefined || project.project === "") continue;
    wanted.set(project.key, project);
  }
  return [...wanted.values()];
}

/** Tells which projects the destinations lack, and adds them to `absent`. */
async function findProjects(
  network: Network,
  plan: MirrorPlan,
  console: Console,
  absent: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  await allOf(
    projectsOf(plan).map(async ({ registry, project, key }) => {
      const projects = await network.projects(registry);
      if (await projects.has(project, signal)) return;
      console.info(`Would create project ${project} in ${registry.host}`);
      absent.add(key);
    }),
  );
}

/** Makes the projects that the destinations lack. */
async function createProjects(
  network: Network,
  plan: MirrorPlan,
  console: Console,
  signal: AbortSignal,
): Promise<void> {
  await allOf(
    projectsOf(plan).map(async ({ registry, project }) => {
      const projects = await network.projects(registry);
      if (await projects.ensure(project, signal)) {
        console.info(`Created project ${project} in ${registry.host}`);
      }
    }),
  );
}

async function runList(
  options: ListRunOptions,
  context: CliContext,
  job: ListJob,
): Promise<number> {
  using progress = new ListProgress(
    options.progress ?? "none",
    options,
    context,
  );
  const console = consoleFor(options, {
    color: context.color,
    stderr: progress.write,
  });
  const startedAt = new Date();
  const tally = new Tally();
  const log = job.log(console);
  const collector = options.report || options.onReport
    ? new ReportCollector()
    : undefined;
  const emit: MirrorEventSink = (event) => {
    tally.sink(event);
    progress.sink(event);
    collector?.sink(event);
    options.onEvent?.(event);
    log(event);
  };
  for (const message of options.warnings) emit({ type: "warning", message });
  const { text, name } = await readTextInput(options.file, context);
  const list = parseImageList(text, name);
  for (const { line, reason } of list.invalid) {
    emit({ type: "warning", message: `${list.name}:${line}: ${reason}` });
  }
  if (list.entries.length === 0) {
    throw new HangarError("usage", `${list.name}: no valid line in the list`);
  }
  if (options.failed !== undefined) {
    await checkFailedPath(options.failed, options.file);
  }
  if (options.report && options.report !== "-") {
    await checkFailedPath(options.report, options.file, "--report");
  }
  const plan = (job.plan ?? planMirror)(list, {
    ...options,
    routes: await loadRoutes((name) => context.env(name)),
  });
  for (const message of plan.warnings) emit({ type: "warning", message });
  tally.addInvalid(list.invalid.length);

  const interrupt = new AbortController();
  const unlisten = context.onInterrupt(() => {
    emit({
      type: "warning",
      message: "interrupted: stopping; once more to stop at once",
    });
    interrupt.abort(new HangarError("interrupted", "interrupted"));
  });
  try {
    const keychain = new Keychain(context.keychain);
    await using network = connectNetwork(
      options,
      [options.source, options.destination],
      context,
      {
        debug: (message) => emit({ type: "debug", message }),
        info: (message) => console.info(message),
        warn: (message) => emit({ type: "warning", message }),
        retry: (message) =>
          emit({ type: "retry", image: currentImage(), message }),
        request: () => emit({ type: "request", image: currentImage() }),
      },
      interrupt.signal,
      keychain,
    );
    // An interrupt here is told by the images, none of which is begun.
    if (job.needsLogin) {
      await checkLogins(plan, network, async ({ registry, state }) => {
        const login = await askForLogin(
          `Destination ${registry.host} ${SAYS[state]}. Username: `,
          context,
        );
        if (!login) return false;
        const kept = await tryAndKeep(
          registry,
          login,
          options,
          context,
          (text) => console.info(text),
        );
        keychain.forget();
        return kept;
      }).catch((error) => {
        if (!interrupt.signal.aborted) throw error;
      });
    }
    await progress.start(plan.tasks.length, (text) => console.info(text));
    await job.prepare?.(network, plan, console, interrupt.signal).catch(
      (error) => {
        if (!interrupt.signal.aborted) throw error;
      },
    );
    const trace = await loadTrace((name) => context.env(name));
    const outcomes = await forEachImage(
      plan.tasks,
      {
        ...options,
        signal: interrupt.signal,
        hostOf: (image) => network.hostOf(image),
        brake: new HostBrake(context.now),
        trace,
      },
      job.work(network, plan, trace),
      emit,
    );
    progress[Symbol.dispose]();
    // A dry run leaves the list of a real one alone.
    const { failed, isKept } = job.dryRun || options.failed === undefined
      ? { failed: tally.totals().failed, isKept: true }
      : await keepFailed(list, outcomes, options.failed, console);
    tally.addUnstarted(
      outcomes.filter((o) => o.kind === "interrupted").length -
        tally.totals().interrupted,
    );
    console.info(job.summary(tally.totals()));
    const exitCode = interrupt.signal.aborted
      ? ExitCode.interrupted
      : failed > 0 || !isKept
      ? ExitCode.someFailed
      : ExitCode.done;
    if (!collector) return exitCode;
    const begun = new Set(collector.images().map(({ id }) => id));
    for (const [i, outcome] of outcomes.entries()) {
      if (begun.has(outcome.id)) continue;
      const { sources, destination } = plan.tasks[i]!;
      collector.addUnstarted(outcome, {
        sources: sources.map(formatAddress),
        destination: formatAddress(destination),
      });
    }
    const report: MirrorReport = {
      schemaVersion: 1,
      tool: { name: "hangar", version: VERSION },
      command: job.command,
      dryRun: job.dryRun ?? false,
      startedAt: startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      exitCode,
      totals: tally.totals(),
      images: collector.images(),
      invalidLines: list.invalid,
    };
    options.onReport?.(report);
    try {
      if (options.report) await writeReport(options.report, report, context);
    } catch (error) {
      console.error(describeError(error));
      return exitCode === ExitCode.done ? ExitCode.someFailed : exitCode;
    }
    return exitCode;
  } finally {
    unlisten();
  }
}

/** A destination that does not let the run in. */
interface LoginNeeded {
  readonly registry: RegistryAddress;
  readonly state: keyof typeof SAYS;
}

const SAYS = {
  missing: "wants credentials and there are none",
  refused: "refuses the credentials",
} as const;

/**
 * Asks each destination once whether it takes the credentials at hand.
 *
 * @param login gets the user to log in; false when nobody is there to ask
 * @throws {HangarError} `usage` when a destination keeps the run out
 */
async function checkLogins(
  plan: MirrorPlan,
  network: Network,
  login: (needed: LoginNeeded) => Promise<boolean>,
): Promise<void> {
  const registries = new Map<string, RegistryAddress>();
  for (const { destination, refusal } of plan.tasks) {
    if (!refusal) {
      registries.set(destination.registry.host, destination.registry);
    }
  }
  const needed = await allOf(
    [...registries.values()].map(async (registry) => {
      const state = await network.checkLogin(registry);
      return state === "missing" || state === "refused"
        ? [{ registry, state }]
        : [];
    }),
  );
  // One question at a time.
  for (const { registry, state } of needed.flat()) {
    if (await login({ registry, state })) continue;
    throw new HangarError(
      "usage",
      `destination ${registry.host} ${SAYS[state]}`,
      {
        hint:
          `run: hangar login ${registry.host} (or go on without this check: --skip-login)`,
      },
    );
  }
}

/** Writes the lines that were not done to the failed list. */
async function keepFailed(
  list: ImageList,
  outcomes: readonly MirrorOutcome[],
  path: string,
  console: Console,
): Promise<{ readonly failed: number; readonly isKept: boolean }> {
  const texts = new Map<number, string>();
  for (const { line, text } of list.entries) texts.set(line, text);
  for (const { line, text } of list.invalid) texts.set(line, text);
  const lines = [
    ...list.invalid.map((invalid) => invalid.line),
    ...outcomes.filter((o) => o.kind === "failed" || o.kind === "interrupted")
      .flatMap((outcome) => outcome.lines),
  ].sort((a, b) => a - b);
  const failed = lines.map((line) => texts.get(line)!);
  try {
    await writeFailedList(path, failed);
    if (failed.length > 0) {
      console.warn(`${failed.length} lines to do again are in ${path}`);
    }
  } catch (error) {
    // A full disk must not cost the user the list.
    console.error(describeError(error));
    for (const text of failed) console.error(`to do again: ${text}`);
    return { failed: failed.length, isKept: false };
  }
  return { failed: failed.length, isKept: true };
}
