/**
 * Copying one image for programs.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { ImageList } from "../lists/image_list.ts";
import { guardSpans } from "../machine/span_secrets.ts";
import type {
  ImageMerge,
  MirrorOutcome,
  SparseIndex,
} from "../mirror/events.ts";
import type { MirrorReport, ReportedImage } from "../report/json_report.ts";
import { nothingAtAll } from "../run/nothing_at_all.ts";
import { runMirror } from "../run/run_mirror.ts";
import { processOf } from "./access.ts";
import { inOptionTerms, invalidOption } from "./check_options.ts";
import { interruption } from "./interruption.ts";
import { namedImage, suffixOf } from "./named_image.ts";
import type { CopyOptions } from "./options.ts";
import { contentRun } from "./run_options.ts";

/** An image that was copied. */
export interface CopiedImage {
  /** Whether anything was written. */
  readonly outcome: "copied" | "up-to-date";
  /** In full, with registry and tag or digest. */
  readonly source: string;
  /** What the source points at. */
  readonly sourceDigest?: string;
  /** In full, with registry and tag or digest. */
  readonly destination: string;
  /** What the destination points at now. */
  readonly digest: string;
  /** Set where the tag's index is not the source's own. */
  readonly merge?: ImageMerge;
  /** Set where it is, but not all that it names was copied. */
  readonly sparse?: SparseIndex;
  /** Blob bytes sent, those of broken attempts included. */
  readonly bytesSent: number;
  /** Blob bytes that were not sent, because the blobs were mounted. */
  readonly bytesMounted: number;
  /** Requests made for it. */
  readonly requests: number;
  /** Requests and transfers that were tried again. */
  readonly retries: number;
  /** How long it took, in ms. */
  readonly durationMs: number;
  /** The warnings in the log. */
  readonly warnings: readonly string[];
}

/** Copies the image. */
export async function copyImage(options: CopyOptions): Promise<CopiedImage> {
  try {
    const source = namedImage("source", options.source, options);
    const destination = namedImage(
      "destination",
      options.destination,
      options,
    );
    const process = processOf(options);
    await guardSpans(process.env);
    const run = await contentRun(options, process);
    let report: MirrorReport | undefined;
    let outcome: MirrorOutcome | undefined;
    await runMirror({
      ...run,
      input: { list: listOf(options) },
      source: source.address,
      destination: destination.address,
      // The copy itself finds that fault too, and its error says more.
      skipLogin: true,
      onReport: (made) => report = made,
      onEvent: (event) => {
        if (event.type === "image-finished") outcome = event.outcome;
        run.onEvent?.(event);
      },
    }, process);
    return resultOf(report?.images[0], outcome, options.signal);
  } catch (error) {
    throw inOptionTerms(error);
  }
}

/** The one image as a list. */
function listOf(options: CopyOptions): ImageList {
  const { reference: source } = namedImage("source", options.source, options);
  const { reference } = namedImage("destination", options.destination, options);
  const written = suffixOf(options.destination);
  if (written.digest) {
    throw invalidOption(
      "destination",
      options.destination,
      "want a tag; the digest is that of the source",
    );
  }
  return {
    name: "copy",
    entries: [{
      line: 1,
      ordinal: 1,
      text: `${options.source} ${options.destination}`,
      source,
      destination: {
        ...reference,
        explicitRegistry: true,
        tag: written.tag ? reference.tag : undefined,
      },
    }],
    invalid: [],
  };
}

/** @throws the reason why the image was not copied */
function resultOf(
  image: ReportedImage | undefined,
  outcome: MirrorOutcome | undefined,
  signal: AbortSignal | undefined,
): CopiedImage {
  // A signal that comes after the tag was written changes nothing.
  if (!image || !outcome || outcome.kind === "interrupted") {
    throw interruption(signal);
  }
  if (outcome.error !== undefined) throw outcome.error;
  const { kind, digest } = outcome;
  if ((kind !== "copied" && kind !== "up-to-date") || digest === undefined) {
    throw new HangarError(
      outcome.nothing ? "not-found" : "usage",
      nothingAtAll([outcome]) ?? image.warnings.join("; "),
    );
  }
  return {
    outcome: kind,
    source: image.sources[0]!.reference,
    sourceDigest: outcome.sourceDigests?.[0],
    destination: image.destination.reference,
    digest,
    merge: outcome.merge,
    sparse: outcome.sparse,
    bytesSent: image.bytesSent,
    bytesMounted: image.bytesMounted,
    requests: image.requests,
    retries: image.retries,
    durationMs: image.durationMs,
    warnings: image.warnings,
  };
}
