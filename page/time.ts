/**
 * Where the time went: the phases of all images together, and of the slowest.
 *
 * @module
 */

import { formatDuration } from "../src/report/format.ts";
import type { PhaseTimes } from "../src/report/phases.ts";
import { legend, type Part, stackedBar } from "./charts.ts";
import { button, el } from "./dom.ts";
import { addPhases, many, type Model, PHASES, type Row } from "./model.ts";

const MEANINGS: Readonly<Record<typeof PHASES[number], string>> = {
  checking: "both sides are read and compared",
  waiting: "its blobs wait for their turn, or for an image that brings them",
  copying: "content is brought",
  signing: "signatures are made",
  tagging: "the tag is written",
};

const SLOWEST = 10;

/** The phases of an image as parts of a bar. */
export function phaseParts(times: PhaseTimes): Part[] {
  return PHASES.map((phase) => ({
    kind: phase,
    label: phase,
    value: times[phase] ?? 0,
    text: formatDuration(times[phase] ?? 0),
  }));
}

/** The section; undefined where the report has no phases. */
export function timeSpent(
  { rows }: Model,
  open: (row: Row) => void,
): HTMLElement | undefined {
  const timed = rows.filter(({ image }) => image.phases !== undefined);
  if (timed.length === 0) return undefined;
  const parts = phaseParts(addPhases(timed.map(({ image }) => image.phases)));
  const slow = [...timed]
    .sort((a, b) => b.image.durationMs - a.image.durationMs)
    .slice(0, SLOWEST);
  const longest = slow[0]!.image.durationMs;
  return el(
    "div",
    { class: "card" },
    el(
      "p",
      { class: "note" },
      `The times of ${
        many(timed.length, "image")
      } together; several run at once.`,
    ),
    stackedBar("Where time went", parts),
    legend(parts),
    el(
      "p",
      { class: "note" },
      parts.filter(({ value }) => value > 0)
        .map(({ label }) =>
          `${label}: ${MEANINGS[label as keyof typeof MEANINGS]}`
        )
        .join("; "),
    ),
    el("h3", {}, `The slowest ${slow.length > 1 ? "images" : "image"}`),
    el(
      "ul",
      { class: "slow" },
      ...slow.map((row) =>
        el(
          "li",
          {},
          button({ class: "link" }, () => open(row), row.name),
          stackedBar(row.name, phaseParts(row.image.phases!), longest),
          el("span", { class: "number" }, formatDuration(row.image.durationMs)),
        )
      ),
    ),
  );
}
