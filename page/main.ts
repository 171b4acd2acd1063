/**
 * The report page: what a browser runs. `scripts/report_page.ts` makes it part
 * of hangar.
 *
 * @module
 */

import { formatBytes, formatDuration } from "../src/report/format.ts";
import type { StoredReport } from "../src/report/read_report.ts";
import { legend, type Part, stackedBar } from "./charts.ts";
import { Details, timeText } from "./details.ts";
import { button, type Child, el } from "./dom.ts";
import { failures } from "./failures.ts";
import { many, type Model, modelOf, OUTCOME_NAMES, OUTCOMES } from "./model.ts";
import { registries } from "./registries.ts";
import { ImageTable } from "./table.ts";
import { themeSwitch } from "./theme.ts";
import { timeSpent } from "./time.ts";
import { timeline } from "./timeline.ts";

const WRITES = new Set(["mirror", "copy", "load"]);

function outcomeParts({ rows }: Model): Part[] {
  return OUTCOMES.map((outcome) => {
    const value = rows.filter(({ image }) => image.outcome === outcome).length;
    return {
      kind: outcome,
      label: OUTCOME_NAMES[outcome],
      value,
      text: value.toLocaleString("en"),
    };
  });
}

/** The result in one sentence. */
function verdict({ report, rows }: Model): string {
  const failed = rows.filter(({ image }) => image.outcome === "failed").length;
  const { interrupted } = report.totals;
  const all = many(rows.length, "image");
  const invalid = report.invalidLines.length > 0
    ? many(report.invalidLines.length, "invalid line")
    : "";
  const bad = [
    failed > 0 ? `${failed.toLocaleString("en")} failed` : "",
    interrupted > 0 ? `${interrupted.toLocaleString("en")} not finished` : "",
  ].filter(Boolean).join(", ");
  if (bad) return `${bad} of ${all}${invalid && `, and ${invalid}`}`;
  if (invalid) return `${invalid}, and none of ${all} failed`;
  if (report.exitCode !== 0) return `Exit code ${report.exitCode}, ${all}`;
  if (report.dryRun) return `Dry run of ${all}: nothing was written`;
  return WRITES.has(report.command) ? `${all} in place` : `${all}, none failed`;
}

function tile(
  value: string,
  label: string,
  kind = "",
  onClick?: () => void,
): HTMLElement {
  const content: Child[] = [el("b", {}, value), el("span", {}, label)];
  return el(
    "li",
    { class: `tile ${kind}` },
    onClick
      ? button(
        { title: `Show the images that are ${label}` },
        onClick,
        ...content,
      )
      : el("div", {}, ...content),
  );
}

function tiles(model: Model, table: ImageTable): HTMLElement {
  const { totals } = model.report;
  const shown = outcomeParts(model).filter(({ value }) => value > 0);
  return el(
    "ul",
    { class: "tiles" },
    ...OUTCOMES.flatMap((outcome) => {
      const part = shown.find(({ kind }) => kind === outcome);
      return part
        ? [
          tile(part.text, part.label, `tile-${outcome}`, () =>
            table.only(outcome)),
        ]
        : [];
    }),
    tile(formatBytes(totals.bytesSent), "sent"),
    tile(formatBytes(totals.bytesMounted), "not sent, mounted"),
    tile(totals.requests.toLocaleString("en"), "requests"),
    tile(totals.retries.toLocaleString("en"), "retries"),
    tile(formatDuration(totals.durationMs), "in all"),
  );
}

function section(id: string, title: string, ...content: Child[]): HTMLElement {
  return el(
    "section",
    { id, "aria-labelledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, title),
    ...content,
  );
}

function page(model: Model): Node[] {
  const { report, prefix } = model;
  const details = new Details();
  const table = new ImageTable(model, details.open);
  const failed = failures(model, details.open);
  const line = timeline(model, details.open);
  const spent = timeSpent(model, details.open);
  const old = el(
    "p",
    { class: "note" },
    "This report has no times of images: an older version wrote it.",
  );
  const parts = outcomeParts(model);
  const sections:
    readonly (readonly [id: string, title: string, content: Child])[] = [
      ...failed ? [["failed", "What failed", failed] as const] : [],
      ["timeline", "Time line", line ?? old],
      ...spent ? [["time", "Where time went", spent] as const] : [],
      ["registries", "Registries", registries(model)],
      ["images", "Images", table.element],
    ];
  return [
    el("a", { class: "skip", href: "#images" }, "Skip to the images"),
    el(
      "header",
      { class: "top" },
      el(
        "div",
        {},
        el(
          "p",
          { class: "dim" },
          `hangar ${report.command}${report.dryRun ? " --dry-run" : ""}${
            report.list ? ` of ${report.list.name}` : ""
          }${
            report.shard
              ? `, shard ${report.shard.index} of ${report.shard.count}`
              : ""
          }`,
        ),
        el(
          "h1",
          { class: report.exitCode === 0 ? "good" : "bad" },
          verdict(model),
        ),
        el(
          "p",
          { class: "dim" },
          `${timeText(Date.parse(report.startedAt))}, ${
            formatDuration(report.totals.durationMs)
          }, exit code ${report.exitCode}, hangar ${report.tool.version}`,
        ),
      ),
      themeSwitch(),
    ),
    el(
      "nav",
      { "aria-label": "Sections" },
      ...sections.map(([id, title]) => el("a", { href: `#${id}` }, title)),
    ),
    el(
      "main",
      {},
      el(
        "section",
        { "aria-label": "Summary" },
        tiles(model, table),
        model.rows.length > 0 ? stackedBar("Outcomes", parts) : undefined,
        model.rows.length > 0 ? legend(parts) : undefined,
        prefix
          ? el(
            "p",
            { class: "note" },
            "All names begin with ",
            el("code", {}, prefix),
          )
          : undefined,
      ),
      ...sections.map(([id, title, content]) => section(id, title, content)),
    ),
    details.element,
  ];
}

// hangar has checked it before it wrote the page.
const report: StoredReport = JSON.parse(
  document.getElementById("report")!.textContent!,
);
const model = modelOf(report);
document.title = `${verdict(model)} – hangar ${report.command}`;
document.getElementById("page")!.replaceChildren(...page(model));
