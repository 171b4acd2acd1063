/**
 * The images of an archive that a list names.
 *
 * @module
 */

import { type ArchiveEntry, fullName } from "../../../layout/archive_index.ts";
import type { ImageList, InvalidLine } from "../../../lists/image_list.ts";
import {
  type PlanOptions,
  sourceAddress,
} from "../../../mirror/plan/plan_mirror.ts";
import { resolveList } from "../../../mirror/plan/resolve_list.ts";
import { formatReference, type Reference } from "../../../names/reference.ts";

/** What the lines of a list lead to. */
export interface Selection {
  /** In list order, each once, with the lines that name it. */
  readonly images: readonly {
    readonly entry: ArchiveEntry;
    readonly lines: readonly InvalidLine[];
  }[];
  /** Lines that name nothing of the archive, and lines that are no images. */
  readonly failed: readonly InvalidLine[];
}

/** How lines are read. */
export interface SelectOptions extends Pick<PlanOptions, "source"> {
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Finds the images that a list names; it may choose tags. */
export async function selectImages(
  list: ImageList,
  entries: readonly ArchiveEntry[],
  options: SelectOptions,
): Promise<Selection> {
  const resolved = await resolveList(list, {
    ...options,
    placeOf: ({ source }) => ({
      ...source,
      registry: options.source?.host ?? source.registry,
    }),
    repositoriesOf: () =>
      Promise.resolve([
        ...new Set(
          entries.flatMap(({ reference }) => reference?.repository ?? []),
        ),
      ]),
    tagsOf: (place) =>
      Promise.resolve(
        entries.flatMap(({ reference }) =>
          reference?.tag !== undefined &&
            fullName(reference) === fullName(place)
            ? [reference.tag]
            : []
        ),
      ),
  });
  const byName = new Map<string, ArchiveEntry>();
  for (const entry of entries) {
    for (const name of namesOf(entry)) {
      if (!byName.has(name)) byName.set(name, entry);
    }
  }
  const found = new Map<ArchiveEntry, InvalidLine[]>();
  const failed: InvalidLine[] = [...resolved.invalid];
  for (const line of resolved.entries) {
    const wanted = sourceAddress(line, { source: options.source });
    const entry = lookUp(wanted, byName);
    const item = { line: line.line, text: line.text, reason: "" };
    if (entry) found.set(entry, [...found.get(entry) ?? [], item]);
    else {
      const reason = `${formatReference(wanted)} is not in the archive`;
      failed.push({ ...item, reason });
    }
  }
  return {
    images: [...found].map(([entry, lines]) => ({ entry, lines })),
    failed: failed.sort((a, b) => a.line - b.line),
  };
}

/** The names by which an entry is found; the bare tag and the digest last. */
function namesOf({ reference, bareTag, descriptor }: ArchiveEntry): string[] {
  return [
    ...reference
      ? [
        formatReference(reference),
        `${fullName(reference)}@${descriptor.digest}`,
      ]
      : [`@${descriptor.digest}`],
    ...bareTag === undefined ? [] : [`:${bareTag}`],
  ];
}

function lookUp(
  wanted: Reference,
  byName: ReadonlyMap<string, ArchiveEntry>,
): ArchiveEntry | undefined {
  const { tag, digest } = wanted;
  if (digest !== undefined) {
    const named = byName.get(`${fullName(wanted)}:${tag}`);
    if (named?.descriptor.digest === digest) return named;
    return byName.get(`${fullName(wanted)}@${digest}`) ??
      byName.get(`@${digest}`);
  }
  return byName.get(formatReference(wanted)) ?? byName.get(`:${tag}`);
}
