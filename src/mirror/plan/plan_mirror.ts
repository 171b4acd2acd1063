/**
 * From list entries and overrides to tasks. After this, no string is parsed.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { ImageList } from "../../lists/image_list.ts";
import { formatWritten, type ImageAddress } from "../../names/address.ts";
import { formatReference } from "../../names/reference.ts";
import { isAttachmentTag } from "../../oci/attachment.ts";
import {
  destinationOf,
  type Placed,
  type PlanOptions,
  type Routes,
  sourceAddress,
} from "./plan_addresses.ts";
import {
  conflicts,
  formatLines,
  nameOneDestination,
  refuse,
} from "./plan_conflicts.ts";
import type { MirrorTask, Step } from "./task.ts";

export type { MirrorTask, PlanOptions, Routes };
export { sourceAddress };

/** A warning about the plan. */
export interface PlanWarning {
  readonly message: string;
  /** The images that it is about; without them, it is about the whole run. */
  readonly images?: readonly number[];
}

/** The work of a run. */
export interface MirrorPlan {
  readonly tasks: readonly MirrorTask[];
  readonly warnings: readonly PlanWarning[];
}

/**
 * Plans a run.
 *
 * @throws {HangarError} `usage` when a default-format line from a registry
 * other than docker.io has no destination
 */
export function planMirror(list: ImageList, options: PlanOptions): MirrorPlan {
  const warnings: PlanWarning[] = [];
  const units = new Map<string, Step[]>();
  const refused: MirrorTask[] = [];
  for (const entry of list.entries) {
    let step: Step = {
      entry,
      source: sourceAddress(entry, options),
      destination: destinationOf(entry, options, list.name),
    };
    const key = formatWritten(step.destination);
    if (
      key === formatWritten(step.source) && !options.routes?.areElsewhere
    ) {
      refused.push(refuse([step], `source and destination are both ${key}`));
      continue;
    }
    try {
      step = routed(step, key, options.routes, warnings);
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      refused.push(refuse([step], error));
      continue;
    }
    const unit = units.get(key);
    if (unit) unit.push(step);
    else units.set(key, [step]);
  }
  const tasks = [...units.values()].flatMap((steps) =>
    nameOneDestination(steps)
      ? [makeTask(steps, list.name, warnings)]
      : conflicts(steps, list.name)
  );
  warnPinned(tasks, warnings);
  return {
    tasks: [...tasks, ...refused].sort((a, b) => a.id - b.id),
    warnings,
  };
}

/** Where a list's image is after mirroring. */
export function placeInPlace(
  entry: Placed,
  options: PlanOptions,
  listName: string,
): ImageAddress {
  return destinationOf(entry, {
    ...options,
    destination: options.destination ??
      (entry.destination ? undefined : { host: entry.source.registry }),
  }, listName);
}

/**
 * The images of a list where they are after mirroring, each once; without a
 * destination, where the list says that they are.
 */
export function planInPlace(
  list: ImageList,
  options: PlanOptions,
): MirrorPlan {
  const tasks = new Map<string, MirrorTask>();
  for (const entry of list.entries) {
    const destination = placeInPlace(entry, options, list.name);
    const key = formatReference(destination);
    const same = tasks.get(key);
    const lines = [...same?.lines ?? [], entry.line];
    const texts = [...same?.texts ?? [], entry.text];
    const id = same?.id ?? entry.ordinal;
    try {
      const place = options.routes?.pushTo(destination) ?? destination;
      tasks.set(key, {
        id,
        lines,
        texts,
        sources: [place],
        destination: place,
      });
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      const refusal = error;
      tasks.set(key, { id, lines, texts, sources: [], destination, refusal });
    }
  }
  return { tasks: [...tasks.values()], warnings: [] };
}

function makeTask(
  all: readonly Step[],
  name: string,
  warnings: PlanWarning[],
): MirrorTask {
  const steps = lastAlone(all, name, warnings);
  const [first] = steps as [Step];
  const { settings } = first.entry;
  const sources = new Map(
    steps.map((s) => [formatReference(s.source), s.source]),
  );
  const lines = steps.map((s) => s.entry.line);
  if (sources.size > 1) {
    const where = `${name}: lines ${formatLines(lines)}`;
    const tag = formatWritten(first.destination);
    if ([...sources.values()].some((s) => s.digest !== undefined)) {
      return refuse(
        steps,
        `${where} all write ${tag}, and a pinned image is never merged`,
      );
    }
    warnings.push({
      message:
        `${where} have one destination, ${tag}: merged in the order of the list`,
      images: [first.entry.ordinal],
    });
  }
  const { tag } = first.destination;
  return {
    id: first.entry.ordinal,
    lines,
    texts: steps.map((s) => s.entry.text),
    sources: [...sources.values()],
    destination: first.destination,
    ...(settings && { settings }),
    ...(tag !== undefined && isAttachmentTag(tag) && {
      skip:
        `${tag} holds signatures of another image, with which it is copied: list that image instead`,
    }),
  };
}

/**
 * Entries with settings replace what their tag holds, one after the other, so
 * only the last one has an effect. It stands for all of them.
 */
function lastAlone(
  steps: readonly Step[],
  name: string,
  warnings: PlanWarning[],
): readonly Step[] {
  const last = steps.at(-1)!;
  if (steps.length === 1 || !steps.some((step) => step.entry.settings)) {
    return steps;
  }
  const isCopy = ({ entry, source }: Step) =>
    entry.text === last.entry.text &&
    formatReference(source) === formatReference(last.source);
  if (!steps.every(isCopy)) {
    warnings.push({
      message: `${name}: lines ${
        formatLines(steps.map((step) => step.entry.line))
      } all write ${formatWritten(last.destination)}: only the last is copied`,
      images: [last.entry.ordinal],
    });
  }
  return [last];
}

/**
 * A step with the places where it is really read and written.
 *
 * @param key the destination, as it is written
 * @throws {HangarError} `blocked`, or `conflict` when source and destination
 * are the same
 */
function routed(
  step: Step,
  key: string,
  routes: Routes | undefined,
  warnings: PlanWarning[],
): Step {
  if (!routes) return step;
  const { source } = step;
  const all = routes.pullFrom(source);
  const endpoints = all.filter((place) => key !== formatWritten(place));
  if (endpoints.length === 0 || endpoints.at(-1) !== all.at(-1)) {
    throw new HangarError(
      "conflict",
      `source ${
        formatReference(source)
      } is read from the destination ${key}, as registries.conf has it`,
    );
  }
  if (endpoints.length < all.length) {
    const message =
      `registries.conf: a mirror of ${source.registry} is the destination ${step.destination.registry} itself: it is not read from for images that go there`;
    if (warnings.every((warning) => warning.message !== message)) {
      warnings.push({ message });
    }
  }
  return {
    ...step,
    source: { ...source, endpoints },
    destination: routes.pushTo(step.destination),
  };
}

function warnPinned(
  tasks: readonly MirrorTask[],
  warnings: PlanWarning[],
): void {
  const pinned = tasks.filter((t) => t.destination.digest !== undefined);
  const untagged = pinned.filter((task) => task.destination.tag === undefined);
  const add = (message: string, about: readonly MirrorTask[]) => {
    if (about.length === 0) return;
    warnings.push({ message, images: about.map(({ id }) => id) });
  };
  add(
    "images pinned by digest are copied whole: --arch, --os and --provenance do not apply to them",
    pinned,
  );
  add(
    "images pinned by digest alone get no tag, and some registries delete untagged manifests",
    untagged,
  );
}
