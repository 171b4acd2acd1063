/**
 * A whole run on a list, in phases: read the list, plan, connect, log in, work,
 * tell, report.
 *
 * @module
 */

import { describeError, HangarError } from "../errors.ts";
import { DOCKER_HUB } from "../names/docker_hub.ts";
import { loadRoutes } from "../machine/registries_files.ts";
import { loadTrace } from "../machine/traces.ts";
import type { MirrorOutcome } from "../mirror/events.ts";
import { type MirrorPlan, sourceAddress } from "../mirror/plan/plan_mirror.ts";
import { formatShard } from "../mirror/plan/shard.ts";
import { forEachImage } from "../mirror/pool/for_each_image.ts";
import { HostBrake } from "../mirror/pool/host_brake.ts";
import { formatReference } from "../names/reference.ts";
import type { Console } from "../report/console.ts";
import { conclude, writeRunReport } from "./conclude_run.ts";
import { admitDestinations } from "./destinations/admit_destinations.ts";
import { connectNetwork, usersAccess } from "./network/connect_network.ts";
import { ExitCode } from "./exit_code.ts";
import { Interrupt } from "./interrupt.ts";
import { type ListJob, type ListRunOptions, MAX_JOBS } from "./list_job.ts";
import type { MetricsFile } from "./metrics_file.ts";
import { accessOfList, routesOfList } from "./network/list_access.ts";
import type { Network } from "./network/network.ts";
import { planList, type PlannedList } from "./plan_list.ts";
import type { RunProcess } from "./process.ts";
import { checkOutputs, readList } from "./read_list.ts";
import { resolveTags } from "./resolve_tags.ts";
import { RunLog } from "./run_log.ts";

/** Works through a list; gives the exit code. */
export async function runList(
  options: ListRunOptions,
  process: RunProcess,
  job: ListJob,
): Promise<number> {
  using log = new RunLog({
    ...options,
    withReport: Boolean(options.report || options.onReport),
    log: job.log,
  }, process);
  for (const message of options.warnings) log.warn(message);
  const read = await readList(
    options.input,
    process,
    (text) => log.warn(text),
    {
      host: options.destination?.host ??
        (job.isToArchive ? DOCKER_HUB : undefined),
      project: options.destinationProject,
      scoped: options.scoped,
    },
  );
  await checkOutputs(options.input, options);
  const { settings } = read;
  const routes = routesOfList(await loadRoutes(process.env), settings);
  const places = { ...options, routes };
  using interrupt = new Interrupt(
    process.onInterrupt,
    () => log.warn("interrupted: stopping; a second Ctrl-C stops at once"),
  );
  const { signal } = interrupt;
  const own = { ...usersAccess(process), ...options.access };
  const access = accessOfList(own, settings, process.keychain);
  const brake = new HostBrake(process.now);
  // The network ends after the failed list is written, since its end may take a
  // while.
  await using network = connectNetwork(
    options,
    [
      options.source,
      options.destination,
      ...options.furtherDestinations ?? [],
    ],
    access,
    log.networkLog(brake),
    signal,
    settings,
  );
  const tell = {
    info: (text: string) => log.console.info(text),
    warn: (text: string) => log.warn(text),
  };
  const { placeOf = sourceAddress, tagsFrom } = job;
  const resolved = await resolveTags(read, {
    ...places,
    network: tagsFrom
      ? {
        finder: network.finder,
        reader: () => tagsFrom,
        listRepositories: noCatalog,
      }
      : network,
    placeOf: (choice) => placeOf(choice, places, read.name),
    log: tell,
    showLines: job.dryRun,
    signal,
  });
  const { list, plan: planned } = planList(
    { ...resolved, digest: read.digest },
    { ...places, plan: job.plan, log: tell },
  );
  log.tally.addInvalid(list.invalid.length);
  await using metrics = await openMetrics(
    options,
    job,
    { list, plan: planned },
    log,
  );
  const plan = job.needsLogin
    ? await admitDestinations(planned, network, {
      reach: options,
      process,
      announce: (text) => log.console.info(text),
      onLogin: () => access.credentials.forget?.(),
    }, signal)
    : planned;
  const running = { options, list, process, job, log, signal };
  const outcomes = await work(plan, network, brake, running);
  log[Symbol.dispose]();
  const isFinished = await finish(outcomes, running);
  const hosts = network.hostUses();
  const run = { list, plan, outcomes, hosts, interrupted: signal.aborted };
  const told = await conclude(run, options, job, log);
  const exitCode = told === ExitCode.done && !isFinished
    ? ExitCode.someFailed
    : told;
  const ended = await writeRunReport(
    { ...run, exitCode },
    options,
    process,
    job,
    log,
  );
  return await metrics?.end(ended) ?? ended;
}

/** An archive has no registry that could be asked. */
async function* noCatalog(): AsyncGenerator<readonly string[]> {
  yield* [];
  throw new HangarError(
    "usage",
    "an archive does not list the repositories of a registry: name them",
  );
}

/** The file for metrics, where one is wanted. */
async function openMetrics(
  { metrics: path, shard }: ListRunOptions,
  { command }: ListJob,
  { list, plan }: PlannedList,
  { console, startedAt, tally, registryCounts: counts }: RunLog,
): Promise<MetricsFile | undefined> {
  if (path === undefined) return undefined;
  const { MetricsFile } = await import("./metrics_file.ts");
  return await MetricsFile.open({
    path,
    labels: { command, list: list.name, shard: shard && formatShard(shard) },
    startedAt,
    images: plan.tasks.length,
    totals: () => tally.totals(),
    counts,
    warn: (message) => console.warn(message),
    error: (message) => console.error(message),
  });
}

/** A run that is under way. */
interface Running {
  readonly options: ListRunOptions;
  readonly list: PlannedList["list"];
  readonly process: RunProcess;
  readonly job: ListJob;
  readonly log: RunLog;
  readonly signal: AbortSignal;
}

/** A list may say how many images at once there are, where no flag does. */
function jobsOf(
  { jobs, areJobsDefault = false }: ListRunOptions,
  { settings }: PlannedList["list"],
): number {
  return areJobsDefault && settings?.jobs !== undefined
    ? Math.min(MAX_JOBS, settings.jobs)
    : jobs;
}

/** Works on the images of a plan; the outcomes are in their order. */
async function work(
  plan: MirrorPlan,
  network: Network,
  brake: HostBrake,
  { options, list, process, job, log, signal }: Running,
): Promise<readonly MirrorOutcome[]> {
  const { console } = log;
  const shown = plan.tasks.map(({ id, destination }) => ({
    id,
    destination: formatReference(destination),
  }));
  await log.progress.start(shown, (text) => console.info(text));
  await job.prepare?.(network, plan, console, signal).catch((error) => {
    if (!signal.aborted) throw error;
  });
  const trace = await loadTrace(process.env);
  return await forEachImage(
    plan.tasks,
    {
      jobs: jobsOf(options, list),
      timeoutMs: options.timeoutMs,
      signal,
      hostOf: (image) => network.hostOf(image),
      brake,
      onLeftBehind: (places) => {
        for (const place of places) tellLeftBehind(options, place, console);
      },
      trace,
    },
    job.work(network, plan, trace),
    log.emit,
  );
}

/** What goes to a slow destination is still done; only not in step. */
function tellLeftBehind(
  { destination, furtherDestinations = [] }: ListRunOptions,
  place: number,
  console: Console,
): void {
  const slow = [destination, ...furtherDestinations][place];
  console.info(
    `destination ${slow?.host} is slower than the others: it goes on by itself, and what it lacks may be read from the sources once more`,
  );
}

/** Does what comes after the last image; a failure is told, and ends nothing. */
async function finish(
  outcomes: readonly MirrorOutcome[],
  { job, log, signal }: Running,
): Promise<boolean> {
  try {
    return await job.finish?.(outcomes, log.console, signal) ?? true;
  } catch (error) {
    log.console.error(describeError(error));
    return false;
  }
}
