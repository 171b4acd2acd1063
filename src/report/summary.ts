/**
 * The totals of a run, and the line that ends it.
 *
 * @module
 */

import { counted, countedAttachments } from "../counted.ts";
import type {
  MirrorEventSink,
  MirrorTotals,
  OutcomeKind,
} from "../mirror/events.ts";
import { formatBytes, formatDuration } from "./format.ts";

/** Adds up the events of a run. */
export class Tally {
  readonly #started = performance.now();
  readonly #outcomes: Record<OutcomeKind, number> = {
    "copied": 0,
    "up-to-date": 0,
    "present": 0,
    "skipped": 0,
    "passed": 0,
    "signed": 0,
    "planned": 0,
    "failed": 0,
    "interrupted": 0,
  };
  #invalid = 0;
  #bytesSent = 0;
  #bytesMounted = 0;
  #bytesResent = 0;
  #retries = 0;
  #requests = 0;
  readonly #merged = { indexes: 0, sparse: 0, kept: 0, wanted: 0 };
  readonly #planned = { blobs: 0, bytes: 0, mounted: 0 };
  readonly #attachments = { found: 0, copied: 0, signed: 0, attested: 0 };

  /** Takes an event. */
  readonly sink: MirrorEventSink = (event) => {
    if (event.type === "image-finished") {
      const { kind, plan, merge, sparse } = event.outcome;
      if (merge) this.#merged.indexes++;
      if (sparse) this.#merged.sparse++;
      this.#merged.kept += merge?.kept.length ?? 0;
      this.#merged.wanted += merge?.kept.filter((e) => e.wanted).length ?? 0;
      this.#outcomes[kind]++;
      this.#planned.blobs += plan?.send.blobs ?? 0;
      this.#planned.bytes += plan?.send.bytes ?? 0;
      this.#planned.mounted += plan?.mount.bytes ?? 0;
    }
    if (event.type === "request") this.#requests++;
    if (event.type === "blob-bytes") this.#bytesSent += event.bytes;
    if (event.type === "blob-resent") this.#bytesResent += event.bytes;
    if (event.type === "retry") this.#retries++;
    if (event.type === "attachment") this.#attachments[event.how]++;
    if (event.type === "blob-finished" && event.how === "mounted") {
      this.#bytesMounted += event.size;
    }
  };

  /** Counts lines of the list that are not images as failed. */
  addInvalid(lines: number): void {
    this.#invalid += lines;
  }

  /** Counts images that were not started before an interrupt. */
  addUnstarted(images: number): void {
    this.#outcomes.interrupted += images;
  }

  /** The totals so far. */
  totals(): MirrorTotals {
    return {
      copied: this.#outcomes.copied,
      passed: this.#outcomes.passed,
      signed: this.#outcomes.signed,
      planned: this.#outcomes.planned,
      upToDate: this.#outcomes["up-to-date"],
      present: this.#outcomes.present,
      skipped: this.#outcomes.skipped,
      indexesRebuilt: this.#merged.indexes,
      indexesSparse: this.#merged.sparse,
      entriesKept: this.#merged.kept,
      wantedEntriesKept: this.#merged.wanted,
      failed: this.#outcomes.failed + this.#invalid,
      interrupted: this.#outcomes.interrupted,
      bytesSent: this.#bytesSent,
      bytesMounted: this.#bytesMounted,
      bytesResent: this.#bytesResent,
      retries: this.#retries,
      requests: this.#requests,
      plannedBlobs: this.#planned.blobs,
      plannedBytes: this.#planned.bytes,
      plannedMountedBytes: this.#planned.mounted,
      attachmentsFound: this.#attachments.found,
      attachmentsCopied: this.#attachments.copied,
      signaturesMade: this.#attachments.signed,
      attestationsMade: this.#attachments.attested,
      durationMs: Math.round(performance.now() - this.#started),
    };
  }
}

/** Indexes that were rebuilt or kept in part, and entries kept from the destination. */
function mergeTexts(totals: MirrorTotals): string[] {
  const { indexesRebuilt, indexesSparse } = totals;
  const { entriesKept, wantedEntriesKept } = totals;
  return [
    ...(indexesSparse > 0
      ? [`${indexesSparse} with the source's index and some of its platforms`]
      : []),
    ...(indexesRebuilt > 0 ? [`${indexesRebuilt} with a rebuilt index`] : []),
    ...(entriesKept > 0
      ? [
        `${
          counted(entriesKept, "entry", "entries")
        } kept from the destination (${wantedEntriesKept} of wanted platforms)`,
      ]
      : []),
  ];
}

/** The level of the summary: a run with failures is no good news. */
export function summaryLevel(
  { failed, interrupted }: MirrorTotals,
): "result" | "warn" | "error" {
  return failed > 0 ? "error" : interrupted > 0 ? "warn" : "result";
}

/** The summary that ends a run. */
export function summaryLine(totals: MirrorTotals): string {
  return doneLine(totals, "spared by mounting");
}

/**
 * The summary that ends a run into an archive, where nothing is mounted: what
 * it has already is not stored twice, and what the far side has is left out.
 */
export function saveLine(totals: MirrorTotals): string {
  return doneLine(totals, "spared");
}

function doneLine(totals: MirrorTotals, spared: string): string {
  return [
    `Done: ${totals.copied} copied`,
    `${totals.upToDate} up to date`,
    ...(totals.present > 0 ? [`${totals.present} there already`] : []),
    `${totals.skipped} skipped`,
    `${totals.failed} failed`,
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    ...mergeTexts(totals),
    `${formatBytes(totals.bytesSent)} sent`,
    `${formatBytes(totals.bytesMounted)} ${spared}`,
    ...(totals.retries > 0
      ? [
        counted(totals.retries, "retry", "retries"),
        `${formatBytes(totals.bytesResent)} sent again`,
      ]
      : []),
    ...(totals.attachmentsFound > 0
      ? [
        `${countedAttachments(totals.attachmentsFound)} found`,
        `${totals.attachmentsCopied} of them copied`,
      ]
      : []),
    ...(totals.signaturesMade > 0
      ? [`${counted(totals.signaturesMade, "signature")} made`]
      : []),
    ...(totals.attestationsMade > 0
      ? [`${counted(totals.attestationsMade, "manifest")} attested`]
      : []),
    formatDuration(totals.durationMs),
  ].join(", ");
}

/** The summary that ends a dry run. */
export function dryRunLine(totals: MirrorTotals): string {
  return [
    `Dry run, nothing was written: ${totals.planned} would be copied`,
    `${totals.upToDate} up to date`,
    ...(totals.present > 0 ? [`${totals.present} there already`] : []),
    `${totals.skipped} skipped`,
    `${totals.failed} failed`,
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    ...mergeTexts(totals),
    `${counted(totals.plannedBlobs, "blob")} to send, ${
      formatBytes(totals.plannedBytes)
    }`,
    `${formatBytes(totals.plannedMountedBytes)} to mount`,
    formatDuration(totals.durationMs),
  ].join(", ");
}

/** The summary that ends a validation. */
export function validationLine(totals: MirrorTotals): string {
  return [
    `Done: ${totals.passed} passed`,
    `${totals.skipped} skipped`,
    `${totals.failed} failed`,
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    ...mergeTexts(totals),
    formatDuration(totals.durationMs),
  ].join(", ");
}

/** The summary that ends the signing of a list. */
export function signingLine(totals: MirrorTotals): string {
  return [
    `Done: ${totals.signed} signed`,
    `${totals.upToDate} signed already`,
    `${totals.failed} failed`,
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    `${counted(totals.signaturesMade, "signature")} made`,
    formatDuration(totals.durationMs),
  ].join(", ");
}
