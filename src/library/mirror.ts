/**
 * Mirroring and validating for programs.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { readListText } from "../lists/read_list.ts";
import { readTemplateFile } from "../machine/read_input.ts";
import { guardSpans } from "../machine/span_secrets.ts";
import type { MirrorReport } from "../report/json_report.ts";
import type { RunProcess } from "../run/process.ts";
import {
  type MirrorRunOptions as RunOptions,
  runMirror,
  runValidate,
} from "../run/run_mirror.ts";
import { processOf } from "./access.ts";
import { inOptionTerms, invalidOption, oneOf } from "./check_options.ts";
import type {
  MirrorOptions,
  MirrorRunOptions,
  ValidateOptions,
} from "./options.ts";
import { mirrorRun } from "./run_options.ts";

/** Mirrors, and gives the report. */
export async function mirrorImages(
  options: MirrorRunOptions,
): Promise<MirrorReport> {
  return await reported(
    options,
    (run, process) =>
      runMirror({ ...run, dryRun: options.dryRun ?? false }, process),
  );
}

/** Validates, and gives the report. */
export async function validateImages(
  options: ValidateOptions,
): Promise<MirrorReport> {
  return await reported(options, (run, process) => {
    const depth = oneOf("depth", options.depth, [
      "manifests",
      "blobs",
      "bytes",
    ]);
    return runValidate(run, depth, process);
  });
}

async function reported(
  options: MirrorOptions,
  work: (run: RunOptions, process: RunProcess) => Promise<number>,
): Promise<MirrorReport> {
  const { images } = options;
  try {
    if (!Array.isArray(images) || images.some((i) => typeof i !== "string")) {
      throw invalidOption("images", images, "want an array of strings");
    }
    const process = processOf(options);
    await guardSpans(process.env);
    let report: MirrorReport | undefined;
    await work({
      ...await mirrorRun(options, process),
      input: {
        list: await readListText(images.join("\n"), "images", {
          sources: { env: process.env, readFile: readTemplateFile },
        }),
      },
      onReport: (made) => report = made,
    }, process);
    if (report) return report;
    throw new HangarError("interrupted", "interrupted before it began");
  } catch (error) {
    throw inOptionTerms(error);
  }
}
