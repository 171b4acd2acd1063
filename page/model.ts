/**
 * The report as the page shows it: a row for each image, with what sorting and
 * searching need worked out once.
 *
 * @module
 */

import type { OutcomeKind } from "../src/mirror/events.ts";
import type { ReportedImage } from "../src/report/json_report.ts";
import type { PhaseTimes, SeenPhase } from "../src/report/phases.ts";
import type { StoredReport } from "../src/report/read_report.ts";
import { sharedPrefix } from "../src/report/shared_names.ts";

/** The outcomes, the ones that need somebody first. */
export const OUTCOMES = [
  "failed",
  "interrupted",
  "copied",
  "planned",
  "signed",
  "passed",
  "up-to-date",
  "present",
  "skipped",
] as const satisfies readonly OutcomeKind[];

/** Their names for people. */
export const OUTCOME_NAMES: Readonly<Record<OutcomeKind, string>> = {
  "failed": "failed",
  "interrupted": "interrupted",
  "copied": "copied",
  "planned": "would be copied",
  "signed": "signed",
  "passed": "passed",
  "up-to-date": "up to date",
  "present": "there already",
  "skipped": "skipped",
};

/** The phases, in the order in which an image goes through them. */
export const PHASES = [
  "checking",
  "waiting",
  "copying",
  "signing",
  "tagging",
] as const satisfies readonly SeenPhase[];

/** One image. */
export interface Row {
  readonly image: ReportedImage;
  /** Its place in the report. */
  readonly index: number;
  /** The destination without what all of them begin with. */
  readonly name: string;
  readonly destination: string;
  readonly source: string;
  /** Lower-case text that a search looks in. */
  readonly text: string;
  /** When it began and ended, in ms since the epoch. */
  readonly span?: { readonly start: number; readonly end: number };
}

/** The report, prepared. */
export interface Model {
  readonly report: StoredReport;
  readonly rows: readonly Row[];
  /** What all destinations begin with. */
  readonly prefix: string;
  /** The beginning and end of the run, in ms since the epoch. */
  readonly start: number;
  readonly end: number;
}

/** Prepares a report. */
export function modelOf(report: StoredReport): Model {
  const { images } = report;
  const prefix = sharedPrefix(
    images.map(({ destination }) => destination.reference),
  );
  const rows = images.map((image, index) => rowOf(image, index, prefix));
  const spans = rows.flatMap(({ span }) => span ? [span] : []);
  return {
    report,
    rows,
    prefix,
    start: spans.reduce(
      (least, { start }) => Math.min(least, start),
      Date.parse(report.startedAt),
    ),
    end: spans.reduce(
      (most, { end }) => Math.max(most, end),
      Date.parse(report.finishedAt),
    ),
  };
}

function rowOf(image: ReportedImage, index: number, prefix: string): Row {
  const destination = image.destination.reference;
  const source = image.sources.map(({ reference }) => reference).join(", ");
  const start = image.startedAt === undefined
    ? undefined
    : Date.parse(image.startedAt);
  return {
    image,
    index,
    name: destination.slice(prefix.length),
    destination,
    source,
    text: [
      destination,
      source,
      image.destination.digest ?? "",
      ...image.sources.map(({ digest }) => digest ?? ""),
      OUTCOME_NAMES[image.outcome],
      image.error?.code ?? "",
      image.error?.message ?? "",
      ...image.warnings,
      ...image.findings ?? [],
      ...(image.platforms ?? []).map(({ platform }) => platform ?? ""),
    ].join("\n").toLowerCase(),
    span: start === undefined
      ? undefined
      : { start, end: start + image.durationMs },
  };
}

/** Why an image failed, without the hint. */
export function reasonOf({ error }: ReportedImage): string {
  if (!error) return "";
  const end = error.hint === undefined ? "" : `; ${error.hint}`;
  return end && error.message.endsWith(end)
    ? error.message.slice(0, -end.length)
    : error.message;
}

/** The times of all images, added up. */
export function addPhases(
  all: readonly (PhaseTimes | undefined)[],
): PhaseTimes {
  const sum: { [phase in SeenPhase]?: number } = {};
  for (const times of all) {
    for (const phase of PHASES) {
      const ms = times?.[phase];
      if (ms !== undefined) sum[phase] = (sum[phase] ?? 0) + ms;
    }
  }
  return sum;
}

/** The registry of a reference, as its host is called. */
export function registryOf(reference: string): string {
  const slash = reference.indexOf("/");
  return slash < 0 ? reference : reference.slice(0, slash);
}

/** A count in English: `1 image`, `1,200 images`. */
export function many(count: number, one: string, several = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : several}`;
}
