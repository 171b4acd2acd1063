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
import type { MirrorTask } from "../task.ts";

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

async function workOn(
  task: MirrorTask,
  options: ForEachImageOptions & { readonly brake: HostBrake },
  work: ImageWork,
  emit: MirrorEventSink,
): Promise<MirrorOutcome> {
  const { id, lines } = task;
  const started = performance.now();
  if (options.signal.aborted) {
    return {
      kind: "interrupted",
      id,
      lines,
      error: options.signal.reason,
      durationMs: 0,
    };
  }
  const names = {
    image: id,
    sources: task.sources.map(formatReference),
    destination: formatReference(task.destination),
  };
  emit({ type: "image-started", ...names });
  const run = new AbortController();
  const onInterrupt = () => run.abort(options.signal.reason);
  options.signal.addEventListener("abort", onInterrupt, { once: true });
  const timer = options.timeoutMs > 0
    ? setTimeout(
      () => run.abort(timeoutError(options.timeoutMs)),
      options.timeoutMs,
    )
    : undefined;
  const hosts = [...task.sources, task.destination].map(options.hostOf);
  const began = options.brake.now();
  let outcome: MirrorOutcome;
  try {
    const given = options.brake.reasonFor(hosts);
    if (given) throw given;
    const events: ImageEvents = {
      warn: (message) => emit({ type: "warning", image: id, message }),
      note: (message) => emit({ type: "note", image: id, message }),
      onBytes: (bytes) => emit({ type: "blob-bytes", image: id, bytes }),
      onResent: (bytes) => emit({ type: "blob-resent", image: id, bytes }),
      onBlobStarted: (size) => emit({ type: "blob-started", image: id, size }),
      onAttachment: (how) => emit({ type: "attachment", image: id, how }),
      onBlob: (digest, size, how) =>
        emit({ type: "blob-finished", image: id, digest, size, how }),
    };
    const result = await runForImage(
      id,
      () =>
        traced(
          names,
          options,
          () => resultOf({ task, events, signal: run.signal }, work),
        ),
    );
    options.brake.note(hosts, began);
    outcome = {
      ...result,
      id,
      lines,
      durationMs: performance.now() - started,
    };
  } catch (thrown) {
    // Whatever broke first after an abort, the abort is why.
    const error = run.signal.aborted ? run.signal.reason : thrown;
    options.brake.note(hosts, began, error);
    outcome = {
      kind: options.signal.aborted ? "interrupted" : "failed",
      id,
      lines,
      error,
      durationMs: performance.now() - started,
    };
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener("abort", onInterrupt);
  }
  emit({ type: "image-finished", ...names, outcome });
  const { error, ...kept } = outcome;
  // The error, with its causes and stacks, would be kept for every image.
  return error === undefined ? kept : { ...kept, reason: describeError(error) };
}

async function traced(
  names: {
    readonly image: number;
    readonly sources: readonly string[];
    readonly destination: string;
  },
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

/** What a plan refuses or leaves out is not worked on. */
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
