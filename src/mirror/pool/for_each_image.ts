/**
 * Many images, several at once. One image's failure never stops the others.
 *
 * @module
 */

import { pooledMap } from "@std/async/pool";
import { describeError, HangarError } from "../../errors.ts";
import { runForImage } from "./current_image.ts";
import type { MirrorEventSink, MirrorOutcome } from "../events.ts";
import type { ImageEvents, ImageJob, ImageResult } from "../image_run.ts";
import type { Trace } from "../../oci/store.ts";
import { HostBrake } from "./host_brake.ts";
import type { ImageAddress } from "../../names/address.ts";
import { formatReference } from "../../names/reference.ts";
import type { MirrorTask } from "../plan/task.ts";

/** Options of {@linkcode forEachImage}. */
export interface ForEachImageOptions {
  /** Images at once. */
  readonly jobs: number;
  /** What one image may take, in ms; 0 for no limit. */
  readonly timeoutMs: number;
  /** Aborted when the user interrupts the run. */
  readonly signal: AbortSignal;
  /** The host at which a registry is reached, `host[:port]`. */
  readonly hostOf: (image: ImageAddress) => string;
  readonly brake?: HostBrake;
  /** @default {nothing is traced} */
  readonly trace?: Trace;
}

/** What is done with each image: it is mirrored, or validated. */
export type ImageWork = (job: ImageJob) => Promise<ImageResult>;

/** Works through the tasks of a plan; the outcomes are in their order. */
export async function forEachImage(
  tasks: readonly MirrorTask[],
  options: ForEachImageOptions,
  work: ImageWork,
  emit: MirrorEventSink,
): Promise<MirrorOutcome[]> {
  const outcomes: MirrorOutcome[] = [];
  const { brake = new HostBrake() } = options;
  // pooledMap stops at the first rejection, so failures come back as values.
  for await (
    const outcome of pooledMap(
      options.jobs,
      tasks,
      (task) => workOn(task, { ...options, brake }, work, emit),
    )
  ) {
    outcomes.push(outcome);
  }
  return outcomes;
}

/** How the events of one image name it. */
interface ImageNames {
  readonly image: number;
  readonly sources: readonly string[];
  readonly destination: string;
}

async function workOn(
  task: MirrorTask,
  options: ForEachImageOptions & { readonly brake: HostBrake },
  work: ImageWork,
  emit: MirrorEventSink,
): Promise<MirrorOutcome> {
  const { id, lines } = task;
  const { signal } = options;
  if (signal.aborted) {
    const error = signal.reason;
    return { kind: "interrupted", id, lines, error, durationMs: 0 };
  }
  const started = performance.now();
  const names: ImageNames = {
    image: id,
    sources: task.sources.map(formatReference),
    destination: formatReference(task.destination),
  };
  emit({ type: "image-started", ...names });
  const ended = await endOf(names, task, options, work, emit);
  const durationMs = performance.now() - started;
  const outcome = { ...ended, id, lines, durationMs };
  emit({ type: "image-finished", ...names, outcome });
  const { error, ...kept } = outcome;
  // The error, with its causes and stacks, would be kept for every image.
  return error === undefined ? kept : { ...kept, reason: describeError(error) };
}

/** How an image ended; its failure is a value. */
async function endOf(
  names: ImageNames,
  task: MirrorTask,
  options: ForEachImageOptions & { readonly brake: HostBrake },
  work: ImageWork,
  emit: MirrorEventSink,
): Promise<ImageResult & { readonly error?: unknown }> {
  const { brake, hostOf, signal } = options;
  const hosts = [...task.sources, task.destination].map(hostOf);
  const began = brake.now();
  using limit = limitOf(options);
  const job = { task, events: eventsOf(task.id, emit), signal: limit.signal };
  try {
    const given = brake.reasonFor(hosts);
    if (given) throw given;
    const result = await runForImage(
      task.id,
      () => traced(names, options, () => resultOf(job, work)),
    );
    brake.note(hosts, began);
    return result;
  } catch (thrown) {
    // After an abort, the abort is the reason, whatever failed first.
    const error = limit.signal.aborted ? limit.signal.reason : thrown;
    brake.note(hosts, began, error);
    return { kind: signal.aborted ? "interrupted" : "failed", error };
  }
}

/** The signal that ends the work on one image: an interrupt, or its timeout. */
function limitOf(
  { signal, timeoutMs }: ForEachImageOptions,
): Disposable & { readonly signal: AbortSignal } {
  const run = new AbortController();
  const onInterrupt = () => run.abort(signal.reason);
  signal.addEventListener("abort", onInterrupt, { once: true });
  const timer = timeoutMs > 0
    ? setTimeout(() => run.abort(timeoutError(timeoutMs)), timeoutMs)
    : undefined;
  return {
    signal: run.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onInterrupt);
    },
  };
}

/** What an image tells, as events of the run. */
function eventsOf(image: number, emit: MirrorEventSink): ImageEvents {
  return {
    warn: (message) => emit({ type: "warning", image, message }),
    note: (message) => emit({ type: "note", image, message }),
    onBytes: (bytes) => emit({ type: "blob-bytes", image, bytes }),
    onResent: (bytes) => emit({ type: "blob-resent", image, bytes }),
    onBlobStarted: (size) => emit({ type: "blob-started", image, size }),
    onAttachment: (how) => emit({ type: "attachment", image, how }),
    onBlob: (digest, size, how) =>
      emit({ type: "blob-finished", image, digest, size, how }),
  };
}

async function traced(
  names: ImageNames,
  { trace }: ForEachImageOptions,
  work: () => Promise<ImageResult>,
): Promise<ImageResult> {
  if (!trace) return await work();
  const attributes = {
    "hangar.image": names.image,
    "hangar.source": names.sources.join(", "),
    "hangar.destination": names.destination,
  };
  return await trace("image", attributes, async (annotate) => {
    const result = await work();
    annotate({
      "hangar.outcome": result.kind,
      ...(result.digest !== undefined && { "oci.digest": result.digest }),
    });
    return result;
  });
}

/** The outcome of a task that the plan refuses or leaves out. */
async function resultOf(
  job: ImageJob,
  work: ImageWork,
): Promise<ImageResult> {
  const { task, events } = job;
  if (task.refusal) throw task.refusal;
  if (task.skip === undefined) return await work(job);
  events.warn(task.skip);
  return { kind: "skipped" };
}

function timeoutError(ms: number): HangarError {
  return new HangarError(
    "timeout",
    `not finished within the --timeout of ${ms / 1000} s`,
    { hint: "raise --timeout, or use fewer --jobs" },
  );
}
