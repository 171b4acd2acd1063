/**
 * From list entries and overrides to tasks. After this, no string is parsed.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { ImageList, ListEntry } from "../lists/image_list.ts";
import {
  DOCKER_HUB,
  formatReference,
  type RegistryAddress,
} from "../names/reference.ts";
import { isAttachmentTag } from "../oci/attachment.ts";
import type { Digest } from "../oci/digest.ts";

/** An image on one side, by tag, by digest, or by both. */
export interface ImageAddress {
  readonly registry: RegistryAddress;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
  /**
   * Where it is read, in the order in which to try, where that is not just its
   * own place.
   */
  readonly endpoints?: readonly ImageAddress[];
}

/** Where images really are. */
export interface Routes {
  /**
   * The places to read an image from, in the order in which to try.
   *
   * @throws {HangarError} `blocked`
   */
  pullFrom(image: ImageAddress): readonly ImageAddress[];
  /**
   * The place to write an image to: the same, with how to reach it.
   *
   * @throws {HangarError} `blocked`
   */
  pushTo(image: ImageAddress): ImageAddress;
}

/** One unit of work: all that goes to one destination reference. */
export interface MirrorTask {
  /** Ordinal of its first entry. */
  readonly id: number;
  /** Every line it stands for, ascending. */
  readonly lines: readonly number[];
  /** In list order, each once. */
  readonly sources: readonly ImageAddress[];
  readonly destination: ImageAddress;
  /** When set, the task fails at once with this. */
  readonly refusal?: HangarError;
  /** When set, the task is left out with this warning. */
  readonly skip?: string;
}

/** What replaces parts of every source or destination. */
export interface PlanOptions {
  readonly source?: RegistryAddress;
  readonly sourceProject?: string;
  readonly destination?: RegistryAddress;
  readonly destinationProject?: string;
  /** @default {every image is where its name says} */
  readonly routes?: Routes;
}

/** The work of a run. */
export interface MirrorPlan {
  readonly tasks: readonly MirrorTask[];
  readonly warnings: readonly string[];
}

/** An address for people, without a scheme. */
export function formatAddress(address: ImageAddress): string {
  return formatReference({ ...address, registry: address.registry.host });
}

interface Step {
  readonly entry: ListEntry;
  readonly source: ImageAddress;
  readonly destination: ImageAddress;
}

/**
 * Plans a run.
 *
 * @throws {HangarError} `usage` when a default-format line from a registry
 * other than docker.io has no destination
 */
export function planMirror(list: ImageList, options: PlanOptions): MirrorPlan {
  const warnings: string[] = [];
  const units = new Map<string, Step[]>();
  const refused: MirrorTask[] = [];
  for (const entry of list.entries) {
    let step: Step = {
      entry,
      source: sourceAddress(entry, options),
      destination: destinationOf(entry, options, list.name),
    };
    const key = formatAddress(
      // A pinned digest with a tag competes for the tag with all others.
      step.destination.tag === undefined
        ? step.destination
        : { ...step.destination, digest: undefined },
    );
    if (key === formatAddress({ ...step.source, ...unpinned(step.source) })) {
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
    const destination = destinationOf(entry, {
      ...options,
      destination: options.destination ??
        (entry.destination ? undefined : { host: entry.source.registry }),
    }, list.name);
    const key = formatAddress(destination);
    const same = tasks.get(key);
    const lines = [...same?.lines ?? [], entry.line];
    const id = same?.id ?? entry.ordinal;
    try {
      const place = options.routes?.pushTo(destination) ?? destination;
      tasks.set(key, { id, lines, sources: [place], destination: place });
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      const refusal = error;
      tasks.set(key, { id, lines, sources: [], destination, refusal });
    }
  }
  return { tasks: [...tasks.values()], warnings: [] };
}

function unpinned(address: ImageAddress): { digest?: Digest } {
  return address.tag === undefined ? {} : { digest: undefined };
}

/**
 * Whether lines that meet at one destination are one copy, or name that
 * destination themselves. Where a flag or a default brought them there, to
 * merge them would fuse images that have nothing to do with each other.
 */
function nameOneDestination(steps: readonly Step[]): boolean {
  const sources = new Set(
    steps.map(({ source }) =>
      formatAddress({ ...source, ...unpinned(source) })
    ),
  );
  if (sources.size === 1) return true;
  const named = steps.map(({ entry: { destination } }) =>
    destination && `${destination.registry}/${destination.repository}`
  );
  return named.every((name) => name !== undefined && name === named[0]);
}

/** How many of the lines that collide a message names. */
const NAMED_LINES = 10;

/** A task for each copy, which fails and names the lines that it collides with. */
function conflicts(steps: readonly Step[], name: string): MirrorTask[] {
  const copies = Map.groupBy(steps, (step) => formatAddress(step.source));
  const tag = formatAddress({ ...steps[0]!.destination, digest: undefined });
  return [...copies.values()].map((own) => {
    const others = firstOthers(steps, own[0]!);
    const more = steps.length - own.length - others.length;
    const lines = own.slice(0, NAMED_LINES).map((step) => step.entry.line);
    return refuse(
      own,
      new HangarError(
        "conflict",
        `${name}: ${linesText(lines)} would write ${tag}, and so would ${
          linesText(others)
        }${more > 0 ? ` (and ${more} more)` : ""} with another image`,
        {
          hint:
            "give each a destination of its own, as SOURCE DESTINATION TAG; lines that name the same DESTINATION are merged",
        },
      ),
    );
  });
}

/** The first lines of other copies; many may meet, so not all are walked. */
function firstOthers(steps: readonly Step[], own: Step): number[] {
  const address = formatAddress(own.source);
  const lines: number[] = [];
  for (const { source, entry } of steps) {
    if (lines.length === NAMED_LINES) break;
    if (formatAddress(source) !== address) lines.push(entry.line);
  }
  return lines;
}

function linesText(lines: readonly number[]): string {
  return lines.length === 1
    ? `line ${lines[0]}`
    : `lines ${formatLines(lines)}`;
}

function makeTask(
  steps: readonly Step[],
  name: string,
  warnings: string[],
): MirrorTask {
  const [first] = steps as [Step];
  const sources = new Map(
    steps.map((s) => [formatAddress(s.source), s.source]),
  );
  const lines = steps.map((s) => s.entry.line);
  if (sources.size > 1) {
    const where = `${name}: lines ${formatLines(lines)}`;
    const tag = formatAddress({ ...first.destination, digest: undefined });
    if ([...sources.values()].some((s) => s.digest !== undefined)) {
      return refuse(
        steps,
        `${where} all write ${tag}, and a pinned image is never merged`,
      );
    }
    warnings.push(
      `${where} have one destination, ${tag}: merged in the order of the list`,
    );
  }
  const { tag } = first.destination;
  return {
    id: first.entry.ordinal,
    lines,
    sources: [...sources.values()],
    destination: first.destination,
    ...(tag !== undefined && isAttachmentTag(tag) && {
      skip:
        `${tag} holds signatures of another image, with which it is copied: list that image instead`,
    }),
  };
}

function formatLines(lines: readonly number[]): string {
  return `${lines.slice(0, -1).join(", ")} and ${lines.at(-1)}`;
}

/**
 * A step with the places where it is really read and written.
 *
 * @param key the destination, as it is written
 * @throws {HangarError} `blocked`, or `conflict` when it would read what it writes
 */
function routed(
  step: Step,
  key: string,
  routes: Routes | undefined,
  warnings: string[],
): Step {
  if (!routes) return step;
  const { source } = step;
  const all = routes.pullFrom(source);
  const endpoints = all.filter((place) =>
    key !== formatAddress({ ...place, ...unpinned(place) })
  );
  if (endpoints.length === 0 || endpoints.at(-1) !== all.at(-1)) {
    throw new HangarError(
      "conflict",
      `source ${
        formatAddress(source)
      } is read from the destination ${key}, as registries.conf has it`,
    );
  }
  if (endpoints.length < all.length) {
    const warning =
      `registries.conf: a mirror of ${source.registry.host} is the destination ${step.destination.registry.host} itself: it is not read from for images that go there`;
    if (!warnings.includes(warning)) warnings.push(warning);
  }
  return {
    ...step,
    source: { ...source, endpoints },
    destination: routes.pushTo(step.destination),
  };
}

function refuse(
  steps: readonly Step[],
  why: string | HangarError,
): MirrorTask {
  return {
    id: steps[0]!.entry.ordinal,
    lines: steps.map((s) => s.entry.line),
    sources: steps.map((s) => s.source),
    destination: steps[0]!.destination,
    refusal: typeof why === "string" ? new HangarError("conflict", why) : why,
  };
}

function warnPinned(tasks: readonly MirrorTask[], warnings: string[]): void {
  const pinned = tasks.filter((t) => t.destination.digest !== undefined);
  if (pinned.length === 0) return;
  warnings.push(
    "images pinned by digest are copied whole: --arch, --os and --provenance do not apply to them",
  );
  if (pinned.some((task) => task.destination.tag === undefined)) {
    warnings.push(
      "images pinned by digest alone get no tag, and some registries delete untagged manifests",
    );
  }
}

interface Split {
  /** First path component; undefined for a bare name. */
  readonly project?: string;
  readonly name: string;
}

function split(repository: string): Split {
  const slash = repository.indexOf("/");
  return slash < 0 ? { name: repository } : {
    project: repository.slice(0, slash),
    name: repository.slice(slash + 1),
  };
}

function join(project: string | undefined, name: string): string {
  return project === undefined ? name : `${project}/${name}`;
}

/** Where a list entry is read from. */
export function sourceAddress(
  entry: ListEntry,
  options: PlanOptions,
): ImageAddress {
  const { registry, repository, tag, digest } = entry.source;
  const { project, name } = split(repository);
  return {
    registry: options.source ?? { host: registry },
    repository: join(options.sourceProject ?? project, name),
    tag,
    digest,
  };
}

function destinationOf(
  entry: ListEntry,
  options: PlanOptions,
  listName: string,
): ImageAddress {
  const { source, destination, line } = entry;
  if (
    !destination && !options.destination && source.registry !== DOCKER_HUB
  ) {
    throw new HangarError(
      "usage",
      `${listName}:${line}: ${
        formatReference(source)
      } does not come from docker.io, so where it goes must be said`,
      { hint: "give --destination, or SOURCE DESTINATION TAG in the line" },
    );
  }
  const named = destination ?? source;
  const { project, name } = split(named.repository);
  return {
    registry: options.destination ?? { host: named.registry },
    repository: join(
      options.destinationProject ?? project ??
        // A destination that was written is taken as written.
        (destination ? undefined : "library"),
      name,
    ),
    tag: source.tag,
    digest: source.digest,
  };
}
