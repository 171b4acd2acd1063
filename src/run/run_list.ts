/**
 * A whole run over a list: list, plan, login, images, failed list, report, exit
 * code.
 *
 * @module
 */

import { formatReference } from "../names/reference.ts";
import { Keychain } from "../auth/keychain.ts";
import { describeError, HangarError } from "../errors.ts";
import { currentImage } from "../mirror/pool/current_image.ts";
import type { MirrorEventSink, MirrorOutcome } from "../mirror/events.ts";
import { forEachImage, type ImageWork } from "../mirror/pool/for_each_image.ts";
import { HostBrake } from "../mirror/pool/host_brake.ts";
import {
  type MirrorPlan,
  planMirror,
  type PlanOptions,
} from "../mirror/plan.ts";
import { type ImageList, parseImageList } from "../lists/image_list.ts";
import type { Trace } from "../oci/store.ts";
import type { Console } from "../report/console.ts";
import {
  checkFailedPath,
  refuseSameFile,
  writeFailedList,
} from "../machine/failed_list.ts";
import { type MirrorReport, ReportCollector } from "../report/json_report.ts";
import { type summaryLine, Tally } from "../report/summary.ts";
import { VERSION } from "../version.ts";
import { checkLogins, SAYS } from "./check_logins.ts";
import type { CliContext } from "../cli/context.ts";
import { ExitCode } from "./exit_code.ts";
import { ListProgress, type ProgressMode } from "./list_progress.ts";
import { askForLogin, tryAndKeep } from "./login.ts";
import {
  connectNetwork,
  consoleFor,
  type ReachOptions,
} from "../cli/flags/network_options.ts";
import { readTextInput } from "../machine/read_input.ts";
import { loadRoutes } from "../machine/registries_files.ts";
import { nothingAtAll } from "./nothing_at_all.ts";
import { loadTrace } from "../machine/traces.ts";
import type { Network } from "./network.ts";
import { writeReport } from "../machine/write_report.ts";

/** How many failed images a run tells once more in the end. */
const RECAPPED = 20;

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

/** What is done with a list, and how it is told. */
export interface ListJob {
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

/** Works through a list; gives the exit code. */
export async function runList(
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
    if (options.failed !== undefined) {
      await refuseSameFile(options.failed, options.report);
    }
  }
  const planned = (job.plan ?? planMirror)(list, {
    ...options,
    routes: await loadRoutes((name) => context.env(name)),
  });
  for (const message of planned.warnings) emit({ type: "warning", message });
  tally.addInvalid(list.invalid.length);

  const brake = new HostBrake(context.now);
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
        answered: (host) => brake.answered(host),
        request: () => emit({ type: "request", image: currentImage() }),
      },
      interrupt.signal,
      keychain,
    );
    // An interrupt here is told by the images, none of which is begun.
    let plan = planned;
    if (job.needsLogin) {
      const shut = await checkLogins(
        planned,
        network,
        async ({ registry, state }) => {
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
        },
      ).catch((error) => {
        if (!interrupt.signal.aborted) throw error;
      });
      if (shut) plan = withoutDestinations(planned, shut);
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
        brake,
        trace,
      },
      job.work(network, plan, trace),
      emit,
    );
    progress[Symbol.dispose]();
    const path = job.dryRun ? undefined : options.failed;
    recap(list, outcomes, path, console);
    // A dry run leaves the list of a real one alone.
    const { failed, isKept } = job.dryRun || options.failed === undefined
      ? { failed: tally.totals().failed, isKept: true }
      : await keepFailed(list, outcomes, options.failed, console);
    tally.addUnstarted(
      outcomes.filter((o) => o.kind === "interrupted").length -
        tally.totals().interrupted,
    );
    console.info(job.summary(tally.totals()));
    const nothing = nothingAtAll(outcomes);
    if (nothing !== undefined) console.error(nothing);
    const exitCode = interrupt.signal.aborted
      ? ExitCode.interrupted
      : failed > 0 || !isKept || nothing !== undefined
      ? ExitCode.someFailed
      : ExitCode.done;
    if (!collector) return exitCode;
    const begun = new Set(collector.images().map(({ id }) => id));
    for (const [i, outcome] of outcomes.entries()) {
      if (begun.has(outcome.id)) continue;
      const { sources, destination } = plan.tasks[i]!;
      collector.addUnstarted(outcome, {
        sources: sources.map(formatReference),
        destination: formatReference(destination),
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

/** The plan with the images of some destinations refused. */
function withoutDestinations(
  plan: MirrorPlan,
  shut: ReadonlyMap<string, HangarError>,
): MirrorPlan {
  const tasks = plan.tasks.map((task) => {
    const refusal = shut.get(task.destination.registry);
    return refusal && !task.refusal ? { ...task, refusal } : task;
  });
  return { ...plan, tasks };
}

/** Why an image failed, in one line. */
function reasonOf(outcome: MirrorOutcome): string {
  return outcome.findings?.join("; ") ??
    (outcome.kind === "interrupted"
      ? "interrupted before it was finished"
      : outcome.reason ?? describeError(outcome.error));
}

/** The images that failed, once more, where the run ends and is read. */
function recap(
  list: ImageList,
  outcomes: readonly MirrorOutcome[],
  path: string | undefined,
  console: Console,
): void {
  const failed = outcomes.filter((outcome) => outcome.kind === "failed");
  if (failed.length === 0) return;
  const texts = new Map(list.entries.map(({ line, text }) => [line, text]));
  console.error(
    failed.length === 1 ? "1 image failed:" : `${failed.length} images failed:`,
  );
  for (const outcome of failed.slice(0, RECAPPED)) {
    const text = texts.get(outcome.lines[0]!) ?? "";
    console.error(`${text}: ${reasonOf(outcome)}`, outcome.id);
  }
  const more = failed.length - RECAPPED;
  if (more > 0) {
    console.error(
      `and ${more} more${path === undefined ? "" : `, in ${path}`}`,
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
  const texts = new Map(list.entries.map(({ line, text }) => [line, text]));
  const failed = [
    ...list.invalid,
    ...outcomes.filter((o) => o.kind === "failed" || o.kind === "interrupted")
      .flatMap((outcome) =>
        outcome.lines.map((line) => ({
          line,
          text: texts.get(line)!,
          reason: reasonOf(outcome),
        }))
      ),
  ].sort((a, b) => a.line - b.line);
  try {
    await writeFailedList(path, list.name, failed);
    if (failed.length > 0) {
      console.warn(
        failed.length === 1
          ? `1 line failed; it is in ${path}`
          : `${failed.length} lines failed; they are in ${path}`,
      );
    }
  } catch (error) {
    // A full disk must not cost the user the list.
    console.error(describeError(error));
    for (const { text } of failed) console.error(`to do again: ${text}`);
    return { failed: failed.length, isKept: false };
  }
  return { failed: failed.length, isKept: true };
}
