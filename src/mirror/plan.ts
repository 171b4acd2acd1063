/**
 * From list entries and overrides to tasks. After this, no string is parsed.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { ImageList, ListEntry } from "../names/image_list.ts";
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
    const step = {
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
    const unit = units.get(key);
    if (unit) unit.push(step);
    else units.set(key, [step]);
  }
  const tasks = [...units.values()].map((steps) =>
    makeTask(steps, list.name, warnings)
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
    tasks.set(key, {
      id: same?.id ?? entry.ordinal,
      lines,
      sources: [destination],
      destination,
    });
  }
  return { tasks: [...tasks.values()], warnings: [] };
}

function unpinned(address: ImageAddress): { digest?: Digest } {
  return address.tag === undefined ? {} : { digest: undefined };
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

function refuse(steps: readonly Step[], why: string): MirrorTask {
  return {
    id: steps[0]!.entry.ordinal,
    lines: steps.map((s) => s.entry.line),
    sources: steps.map((s) => s.source),
    destination: steps[0]!.destination,
    refusal: new HangarError("conflict", why),
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
