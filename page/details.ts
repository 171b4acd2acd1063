/**
 * All that the report says of one image, in a dialog.
 *
 * @module
 */

import { formatBytes, formatDuration } from "../src/report/format.ts";
import { legend, stackedBar } from "./charts.ts";
import { button, type Child, el } from "./dom.ts";
import { OUTCOME_NAMES, reasonOf, type Row } from "./model.ts";
import { phaseParts } from "./time.ts";

/** The dialog; made once, filled for each image. */
export class Details {
  readonly element = el("dialog", { "aria-labelledby": "details-title" });

  constructor() {
    // A click outside the dialog is one on its backdrop.
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.element.close();
    });
  }

  /** Shows an image. */
  readonly open = (row: Row): void => {
    this.element.replaceChildren(
      el(
        "div",
        { class: "dialog" },
        el(
          "header",
          {},
          el("h2", { id: "details-title" }, row.name),
          button(
            { class: "close", "aria-label": "Close" },
            () => this.element.close(),
            "×",
          ),
        ),
        ...contentOf(row),
      ),
    );
    this.element.showModal();
  };
}

function contentOf(row: Row): Child[] {
  const { image } = row;
  const { error, plan, merge, sparse, nothing, phases, platforms } = image;
  return [
    el(
      "p",
      {},
      el(
        "span",
        { class: `badge badge-${image.outcome}` },
        OUTCOME_NAMES[image.outcome],
      ),
      ` in ${formatDuration(image.durationMs)}`,
    ),
    error &&
    el(
      "div",
      { class: "error" },
      el(
        "p",
        {},
        el("b", {}, error.code),
        error.status ? ` (${error.status})` : "",
        `: ${reasonOf(image)}`,
      ),
      error.hint === undefined
        ? undefined
        : el("p", {}, el("b", {}, "What to do: "), error.hint),
    ),
    listOf("Missing or different", image.findings),
    listOf("Warnings", image.warnings),
    facts([
      ...image.sources.flatMap(({ reference, digest }): Fact[] => [
        ["Source", reference],
        ["Source digest", code(digest)],
      ]),
      ["Destination", row.destination],
      ["Destination digest", code(image.destination.digest)],
      ["Lines of the list", image.lines.join(", ")],
      ["Began", row.span && timeText(row.span.start)],
      ["Bytes sent", formatBytes(image.bytesSent)],
      ["Bytes mounted", formatBytes(image.bytesMounted)],
      ["Requests", image.requests.toLocaleString("en")],
      ["Retries", image.retries.toLocaleString("en")],
      [
        "Would send",
        plan && `${plan.send.blobs} blobs, ${formatBytes(plan.send.bytes)}`,
      ],
      [
        "Would mount",
        plan && `${plan.mount.blobs} blobs, ${formatBytes(plan.mount.bytes)}`,
      ],
      ["Index", merge && `rebuilt: ${selectedText(merge)}`],
      ["Index", sparse && `the source's own, copied: ${selectedText(sparse)}`],
      ["Wanted", nothing?.wanted],
      ["There is", nothing?.available.join(", ")],
    ]),
    phases && el("h3", {}, "Time"),
    phases && stackedBar("Phases", phaseParts(phases)),
    phases && legend(phaseParts(phases)),
    platforms && tableOf(
      "Platforms",
      platforms.map(({ platform, digest }) => [platform ?? "–", digest]),
    ),
    merge && merge.kept.length > 0
      ? tableOf(
        "Kept from the destination",
        merge.kept.map(({ platform, digest }) => [platform ?? "–", digest]),
      )
      : undefined,
  ];
}

function selectedText(
  { selected, available }: {
    readonly selected: readonly string[];
    readonly available: number;
  },
): string {
  return `${selected.length} of ${available} platforms (${
    selected.join(", ")
  })`;
}

type Fact = readonly [name: string, value: Child];

function code(text: string | undefined): Child {
  return text === undefined ? undefined : el("code", {}, text);
}

function facts(all: readonly Fact[]): HTMLElement {
  return el(
    "dl",
    {},
    ...all.flatMap(([name, value]) =>
      value ? [el("dt", {}, name), el("dd", {}, value)] : []
    ),
  );
}

function listOf(
  title: string,
  items: readonly string[] | undefined,
): HTMLElement | undefined {
  if (!items || items.length === 0) return undefined;
  return el(
    "div",
    {},
    el("h3", {}, title),
    el("ul", {}, ...items.map((item) => el("li", {}, item))),
  );
}

function tableOf(
  title: string,
  rows: readonly (readonly [string, string])[],
): HTMLElement {
  return el(
    "table",
    { class: "plain platforms" },
    el("caption", {}, title),
    el(
      "tbody",
      {},
      ...rows.map(([name, digest]) =>
        el(
          "tr",
          {},
          el("th", { scope: "row" }, name),
          el("td", {}, el("code", {}, digest)),
        )
      ),
    ),
  );
}

/** A time of day with its date, in the reader's own zone. */
export function timeText(at: number): string {
  return new Intl.DateTimeFormat("en-GB", {
    dateStyle: "medium",
    timeStyle: "long",
  }).format(at);
}
