/**
 * What an archive holds, for people and for programs. The schema of the JSON is
 * `docs/archive.schema.json`; within one `schemaVersion` fields are only added.
 *
 * @module
 */

import { counted } from "../counted.ts";
import { printable, printableJson } from "../errors.ts";
import { formatBytes } from "./format.ts";

/** An image of an archive. */
export interface ListedArchiveImage {
  /** By which it was saved; for some tools' archives, a tag or a digest. */
  readonly reference: string;
  readonly digest: string;
  readonly mediaType: string;
  /** The platforms that are there. */
  readonly platforms: readonly string[];
  /** Bytes of all that is there of it, signatures and referrers included. */
  readonly size: number;
  /** Children of its index that were not saved. */
  readonly absentChildren: number;
  /** Those of them that are no attestations. */
  readonly absentPlatforms: number;
  /** Whether BuildKit's attestations are there. */
  readonly hasAttestations: boolean;
  /** Signatures, attestations and other referrers that are there. */
  readonly attachments: number;
  /** Content that was left out, since another archive or registry has it. */
  readonly leftOut: { readonly blobs: number; readonly bytes: number };
  /** What is missing, or damaged as far as it can be seen without hashing. */
  readonly faults: readonly string[];
}

/** An archive. */
export interface ArchiveReport {
  readonly schemaVersion: 1;
  readonly archive: string;
  /** Distinct content that is there. */
  readonly contents: { readonly count: number; readonly bytes: number };
  /** What content was left out for. */
  readonly bases: readonly { readonly name: string; readonly digest: string }[];
  /** Which of how many volumes it is. */
  readonly volume?: { readonly number: number; readonly of: number };
  readonly images: readonly ListedArchiveImage[];
  /** What it lists, and nobody can load. */
  readonly refused: readonly {
    readonly reference: string;
    readonly reason: string;
  }[];
}

/** The report as JSON. */
export function archiveJson(report: ArchiveReport): string {
  return `${printableJson(report, 2)}\n`;
}

/** The references alone, a list for `--file`. */
export function archiveImages({ images }: ArchiveReport): string {
  return images.map(({ reference }) => `${printable(reference)}\n`).join("");
}

/** A table. */
export function archiveTable({ images }: ArchiveReport): string {
  const rows = [
    ["IMAGE", "PLATFORMS", "SIZE", "NOTES"],
    ...images.map((image) => [
      printable(image.reference),
      printable(image.platforms.join(",")) || "-",
      formatBytes(image.size),
      notesOf(image),
    ]),
  ];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]!.length))
  );
  return rows.map((row) =>
    `${
      row.map((cell, i) => i < widths.length ? cell.padEnd(widths[i]!) : cell)
        .join("  ").trimEnd()
    }\n`
  ).join("");
}

function notesOf(image: ListedArchiveImage): string {
  const { absentPlatforms, attachments, faults, leftOut } = image;
  return [
    ...faults.length > 0 ? ["DAMAGED"] : [],
    ...image.hasAttestations ? ["provenance"] : [],
    ...attachments > 0
      ? [counted(attachments, "attachment", "attachments")]
      : [],
    ...absentPlatforms > 0
      ? [`${counted(absentPlatforms, "platform")} not saved`]
      : [],
    ...leftOut.blobs > 0 ? [`${formatBytes(leftOut.bytes)} left out`] : [],
  ].join(", ");
}

/** The line that ends the listing. */
export function archiveLine({ archive, contents, images }: ArchiveReport) {
  return `${archive}: ${counted(images.length, "image")}, ${
    counted(contents.count, "blob")
  } and manifests, ${formatBytes(contents.bytes)}`;
}
