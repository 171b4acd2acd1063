/**
 * Lines of a list that meet at one destination.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { formatWritten } from "../../names/address.ts";
import { formatReference } from "../../names/reference.ts";
import type { MirrorTask, Step } from "./task.ts";

/**
 * Whether lines with one destination are one copy, or name that destination
 * themselves. If only a flag or a default gave them the same destination, they
 * are different images and must not be merged.
 */
export function nameOneDestination(steps: readonly Step[]): boolean {
  const sources = new Set(
    steps.map(({ source }) => formatWritten(source)),
  );
  if (sources.size === 1) return true;
  const named = steps.map(({ entry: { destination } }) =>
    destination && `${destination.registry}/${destination.repository}`
  );
  return named.every((name) => name !== undefined && name === named[0]);
}

/** How many of the colliding lines a message names. */
const NAMED_LINES = 10;

/** A failing task for each copy. Its error names the lines it collides with. */
export function conflicts(steps: readonly Step[], name: string): MirrorTask[] {
  const copies = Map.groupBy(steps, (step) => formatReference(step.source));
  const tag = formatWritten(steps[0]!.destination);
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
  const address = formatReference(own.source);
  const lines: number[] = [];
  for (const { source, entry } of steps) {
    if (lines.length === NAMED_LINES) break;
    if (formatReference(source) !== address) lines.push(entry.line);
  }
  return lines;
}

function linesText(lines: readonly number[]): string {
  return lines.length === 1
    ? `line ${lines[0]}`
    : `lines ${formatLines(lines)}`;
}

/** `1, 2 and 3` */
export function formatLines(lines: readonly number[]): string {
  return `${lines.slice(0, -1).join(", ")} and ${lines.at(-1)}`;
}

/** A task that fails at once. */
export function refuse(
  steps: readonly Step[],
  why: string | HangarError,
): MirrorTask {
  return {
    id: steps[0]!.entry.ordinal,
    lines: steps.map((s) => s.entry.line),
    texts: steps.map((s) => s.entry.text),
    sources: steps.map((s) => s.source),
    destination: steps[0]!.destination,
    refusal: typeof why === "string" ? new HangarError("conflict", why) : why,
  };
}
