/**
 * The report of `inspect list`, as text, JSON, YAML or CSV.
 *
 * @module
 */

import { printable, printableJson } from "../errors.ts";

/** The forms of the report. */
export const INSPECT_FORMATS = ["txt", "json", "yaml", "csv"] as const;

/** One of {@linkcode INSPECT_FORMATS}. */
export type InspectFormat = typeof INSPECT_FORMATS[number];

/** One image of the report. */
export interface InspectRow {
  readonly image: string;
  readonly digest?: string;
  readonly mediaType?: string;
  /** As `os/architecture[/variant]`; empty for artifacts. */
  readonly platforms?: readonly string[];
  /** Why it could not be inspected. */
  readonly error?: string;
}

/** Writes a report, in the order of the rows. */
export function inspectReport(
  rows: readonly InspectRow[],
  format: InspectFormat,
): string {
  switch (format) {
    case "json":
      return `${printableJson(rows, 2)}\n`;
    case "yaml":
      return rows.map(yamlOf).join("");
    case "csv":
      return [
        "image,digest,mediaType,platforms,error",
        ...rows.map((row) => cellsOf(row).map(csvCell).join(",")),
        "",
      ].join("\n");
    case "txt":
      return rows.map((row) =>
        row.error === undefined
          ? `${row.image} ${row.digest} ${
            printable(row.platforms?.join(",") || "no platform", MAX_CELL)
          }\n`
          : `${row.image} FAILED ${printable(row.error, MAX_CELL)}\n`
      ).join("");
  }
}

function cellsOf(row: InspectRow): string[] {
  return [
    row.image,
    row.digest ?? "",
    row.mediaType ?? "",
    (row.platforms ?? []).join(" "),
    row.error ?? "",
  ];
}

/** The longest cell, in characters. */
const MAX_CELL = 32_000;

/**
 * A cell of CSV (RFC 4180). A cell that a spreadsheet would read as a formula gets
 * a quote before it, also after blanks and with full-width signs.
 */
function csvCell(cell: string): string {
  const text = printable(cell, MAX_CELL);
  const safe = /^[\s"'|%]*[=+@\uff1d\uff0b\uff20\uff0d-]/.test(text)
    ? `'${text}`
    : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** JSON strings and lists are valid YAML (YAML 1.2, chapter 1.2). */
function yamlOf(row: InspectRow): string {
  const fields = Object.entries(row).filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${printableJson(value)}`);
  return `- ${fields.join("\n  ")}\n`;
}
