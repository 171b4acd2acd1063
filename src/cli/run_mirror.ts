/**
 * A whole mirror run: list, plan, login, images, failed list, exit code.
 *
 * @module
 */

import { describeError, HangarError } from "../errors.ts";
import type { MirrorEventSink, MirrorOutcome } from "../mirror/events.ts";
import { mirrorAll } from "../mirror/mirror_all.ts";
import {
  type MirrorPlan,
  planMirror,
  type PlanOptions,
} from "../mirror/plan.ts";
import { type ImageList, parseImageList } from "../names/image_list.ts";
import type { RegistryAddress } from "../names/reference.ts";
import type { PlatformFilter } from "../oci/platform.ts";
import { Console, logEvents } from "../report/console.ts";
import { checkFailedPath, writeFailedList } from "../report/failed_list.ts";
import { summaryLine, Tally } from "../report/summary.ts";
import type { CliContext } from "./context.ts";
import { connectNetwork, type ReachOptions } from "./network_options.ts";
import type { Network } from "./wire.ts";

/** Exit codes (CONTRACT 10). */
export const ExitCode = {
  done: 0,
  someFailed: 1,
  usage: 2,
  interrupted: 130,
} as const;

/** What the flags of `mirror` come to. */
export interface MirrorRunOptions extends PlanOptions, ReachOptions {
  /** The image list, `-` for standard input. */
  readonly file: string;
  /** Where the failed list goes. */
  readonly failed: string;
  readonly filter: PlatformFilter;
  readonly provenance: boolean;
  readonly overwrite: boolean;
  readonly jobs: number;
  /** Per image, in ms; 0 for no limit. */
  readonly timeoutMs: number;
  readonly skipLogin: boolean;
  /** What was wrong with flags, but not wrong enough to stop. */
  readonly warnings: readonly string[];
}

/** Mirrors a list; gives the exit code. */
export async function runMirror(
  options: MirrorRunOptions,
  context: CliContext,
): Promise<number> {
  const console = new Console((text) => context.stderr(text), {
    color: context.color,
    debug: options.debug,
  });
  const tally = new Tally();
  const log = logEvents(console);
  const emit: MirrorEventSink = (event) => {
    tally.sink(event);
    log(event);
  };
  for (const message of options.warnings) emit({ type: "warning", message });
  const list = await readList(options.file, context);
  for (const { line, reason } of list.invalid) {
    emit({ type: "warning", message: `${list.name}:${line}: ${reason}` });
  }
  if (list.entries.length === 0) {
    throw new HangarError("usage", `${list.name}: no valid line in the list`);
  }
  await checkFailedPath(options.failed, options.file);
  const plan = planMirror(list, options);
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
    await using network = connectNetwork(
      options,
      [options.source, options.destination],
      context,
      {
        debug: (message) => emit({ type: "debug", message }),
        warn: (message) => emit({ type: "warning", message }),
      },
      interrupt.signal,
    );
    if (!options.skipLogin) await checkLogins(plan, network);
    const outcomes = await mirrorAll(
      plan.tasks,
      { ...options, signal: interrupt.signal },
      network.mirrorTools(),
      emit,
    );
    return await finish(list, outcomes, options, tally, console, interrupt);
  } finally {
    unlisten();
  }
}

async function readList(
  file: string,
  context: CliContext,
): Promise<ImageList> {
  const name = file === "-" ? "standard input" : file;
  let text: string;
  try {
    const bytes = file === "-"
      ? await context.stdin()
      : await Deno.readFile(file);
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? "no such file"
      : cause instanceof TypeError
      ? "not UTF-8 text"
      : describeError(cause);
    throw new HangarError("usage", `cannot read the list ${name}: ${why}`, {
      cause,
    });
  }
  return parseImageList(text, name);
}

/** Asks each destination once whether it takes the credentials at hand. */
async function checkLogins(plan: MirrorPlan, network: Network): Promise<void> {
  const registries = new Map<string, RegistryAddress>();
  for (const { destination, refusal } of plan.tasks) {
    if (!refusal) {
      registries.set(destination.registry.host, destination.registry);
    }
  }
  await Promise.all([...registries.values()].map(async (registry) => {
    const state = await network.checkLogin(registry);
    if (state === "missing" || state === "refused") {
      throw new HangarError(
        "usage",
        state === "missing"
          ? `destination ${registry.host} wants credentials and there are none`
          : `destination ${registry.host} refuses the credentials`,
        {
          hint:
            `run: hangar login ${registry.host} (or go on without this check: --skip-login)`,
        },
      );
    }
  }));
}

async function finish(
  list: ImageList,
  outcomes: readonly MirrorOutcome[],
  options: MirrorRunOptions,
  tally: Tally,
  console: Console,
  interrupt: AbortController,
): Promise<number> {
  const unfinished = outcomes.filter((o) =>
    o.kind === "failed" || o.kind === "interrupted"
  );
  const texts = new Map<number, string>();
  for (const { line, text } of list.entries) texts.set(line, text);
  for (const { line, text } of list.invalid) texts.set(line, text);
  const lines = [
    ...list.invalid.map((invalid) => invalid.line),
    ...unfinished.flatMap((outcome) => outcome.lines),
  ].sort((a, b) => a - b);
  const what = await writeFailedList(
    options.failed,
    lines.map((line) => texts.get(line)!),
  );
  if (what === "written") {
    console.warn(`${lines.length} lines to do again are in ${options.failed}`);
  }
  const unstarted = outcomes.filter((o) => o.kind === "interrupted").length -
    tally.totals().interrupted;
  tally.addUnstarted(unstarted);
  console.info(summaryLine(tally.totals()));
  if (interrupt.signal.aborted) return ExitCode.interrupted;
  return lines.length > 0 ? ExitCode.someFailed : ExitCode.done;
}
