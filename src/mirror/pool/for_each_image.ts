/**
 * Many images, several at once. One image's failure never stops the others.
 *
 * @module
 */

import { pooledMap } from "@std/async/pool";
import { describeError } from "../../errors.ts";
import type { Company } from "../../copy/fan_out/company.ts";
import { runForImage } from "./current_image.ts";
import type {
  ImageAtPlace,
  MirrorEventSink,
  MirrorOutcome,
} from "../events.ts";
import type { ImageEvents, ImageJob, ImageResult } from "../image_run.ts";
import type { Trace } from "../../oci/store.ts";
import { inConvoys } from "./convoy.ts";
import { HostBrake } from "./host_brake.ts";
import { ImagePlaces } from "./image_places.ts";
import { timeLimit } from "./time_limit.ts";
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
  /** Told of destinations that are left behind, as places. */
  readonly onLeftBehind?: (places: readonly number[]) => void;
  /** @default {nothing is traced} */
  readonly trace?: Trace;
}

/** What is done with each image: it is mirrored, or validated. */
export type ImageWork = (job: ImageJob) => Promise<ImageResult>;

/**
 * What is kept of an outcome to the end of the run: why it failed in one line,
 * while the error itself is in the event of its end.
 */
export type KeptOutcome = Omit<MirrorOutcome, "error" | "platforms">;

/** Works through the tasks of a plan; the outcomes are in their order. */
export async function forEachImage(
  tasks: readonly MirrorTask[],
  options: ForEachImageOptions,
  work: ImageWork,
  emit: MirrorEventSink,
): Promise<KeptOutcome[]> {
  const outcomes: Promise<KeptOutcome>[] = [];
  const { brake = new HostBrake() } = options;
  const all = { ...options, brake };
  if (tasks.some(({ place }) => place !== undefined)) {
    return await inConvoys(tasks, {
      jobs: options.jobs,
      work: (task, company) => workOn(task, { ...all, company }, work, emit),
      onLeftBehind: options.onLeftBehind,
    });
  }
  const places = new ImagePlaces(options.jobs);
  // pooledMap stops at the first rejection, so failures come back as values.
  const begun = pooledMap(options.jobs, tasks, async (task) => {
    const { left, letNextBegin, end } = places.take();
    outcomes.push(
      workOn(task, { ...all, letNextBegin }, work, emit).finally(end),
    );
    await left;
  });
  for await (const _ of begun) { /* The next one begins. */ }
  return await Promise.all(outcomes);
}

/** What the work on each image needs. */
interface WorkOptions extends ForEachImageOptions {
  readonly brake: HostBrake;
  readonly company?: Company;
  readonly letNextBegin?: () => void;
}

/** How the events of one image name it. */
interface ImageNames extends ImageAtPlace {
  readonly sources: readonly string[];
  readonly destination: string;
}

async function workOn(
  task: MirrorTask,
  options: WorkOptions,
  work: ImageWork,
  emit: MirrorEventSink,
): Promise<KeptOutcome> {
  const { id, lines, place } = task;
  const { signal } = options;
  if (signal.aborted) {
    const reason = describeError(signal.reason);
    return { kind: "interrupted", id, place, lines, reason, durationMs: 0 };
  }
  const started = performance.now();
  const names: ImageNames = {
    image: id,
    place,
    sources: task.sources.map(formatReference),
    destination: formatReference(task.destination),
  };
  emit({ type: "image-started", ...names });
  const ended = await endOf(names, task, options, work, emit);
  const durationMs = performance.now() - started;
  const outcome = { ...ended, id, place, lines, durationMs };
  emit({ type: "image-finished", ...names, outcome });
  // These would be kept for every image: the error has causes and stacks.
  const { error, platforms: _, ...kept } = outcome;
  return error === undefined ? kept : { ...kept, reason: describeError(error) };
}

/** How an image ended; its failure is a value. */
async function endOf(
  names: ImageNames,
  task: MirrorTask,
  options: WorkOptions,
  work: ImageWork,
  emit: MirrorEventSink,
): Promise<ImageResult & { readonly error?: unknown }> {
  const { brake, company, hostOf, letNextBegin, signal } = options;
  const hosts = [...task.sources, task.destination].map(hostOf);
  const began = brake.now();
  using limit = timeLimit(options);
  const { id: image, place } = task;
  const job: ImageJob = {
    task,
    events: eventsOf({ image, place }, emit),
    signal: limit.signal,
    company,
    letNextBegin,
    untimed: (work) => limit.untimed(work),
  };
  try {
    const given = brake.reasonFor(hosts);
    if (given) throw given;
    const result = await runForImage(
      { image, place },
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

/** What an image tells, as events of the run. */
function eventsOf(of: ImageAtPlace, emit: MirrorEventSink): ImageEvents {
  return {
    warn: (message) => emit({ type: "warning", ...of, message }),
    note: (message, { isInOutcome } = {}) =>
      emit({ type: "note", ...of, message, isInOutcome }),
    onPhase: (phase) => emit({ type: "phase", ...of, phase }),
    onWait: (waits) => emit({ type: "blob-waits", ...of, waits }),
    onBytes: (bytes) => emit({ type: "blob-bytes", ...of, bytes }),
    onResent: (bytes) => emit({ type: "blob-resent", ...of, bytes }),
    onBlobStarted: (size) => emit({ type: "blob-started", ...of, size }),
    onAttachment: (how) => emit({ type: "attachment", ...of, how }),
    onBlob: (digest, size, how) =>
      emit({ type: "blob-finished", ...of, digest, size, how }),
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
