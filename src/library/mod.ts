/**
 * hangar for programs: the commands on lists, as functions, and the types that
 * they deal in.
 *
 * @module
 */

import type { MirrorReport } from "../report/json_report.ts";
import type { MirrorRunOptions, ValidateOptions } from "./options.ts";

export {
  type ErrorCode,
  HangarError,
  type HangarErrorOptions,
} from "../errors.ts";
export type {
  ImageMerge,
  ImagePlan,
  KeptEntry,
  MirrorEvent,
  MirrorOutcome,
  MirrorTotals,
  NothingSelected,
  OutcomeKind,
} from "../mirror/events.ts";
export type {
  MirrorReport,
  ReportedImage,
  ReportedReference,
} from "../report/json_report.ts";
export type {
  MirrorOptions,
  MirrorRunOptions,
  ValidateOptions,
} from "./options.ts";

/**
 * Mirrors images. An image that fails does not end the run: the report names
 * what came of each. Credentials, certificates, registries.conf and proxies are
 * those of the user, as for the command.
 *
 * @example
 * ```ts
 * import { mirror } from "@hangar/mirror";
 *
 * const report = await mirror({
 *   images: ["nginx:1.27", "quay.io/corp/api platform/api v2.1"],
 *   destination: "registry.example:5000",
 *   jobs: 4,
 * });
 * for (const { destination, error } of report.images) {
 *   if (error) console.error(`${destination.reference}: ${error.message}`);
 * }
 * ```
 *
 * @throws {HangarError} `usage` for options or lists that make no sense, and when
 * the destination keeps the run out
 */
export async function mirror(options: MirrorRunOptions): Promise<MirrorReport> {
  const { runLibrary } = await import("./run_library.ts");
  return await runLibrary(options, { dryRun: options.dryRun });
}

/**
 * Proves that the destination holds what {@linkcode mirror} with the same options
 * would put there. Writes nothing.
 *
 * @throws {HangarError} `usage` for options or lists that make no sense
 */
export async function validate(
  options: ValidateOptions,
): Promise<MirrorReport> {
  const { runLibrary } = await import("./run_library.ts");
  return await runLibrary(options, { depth: options.depth ?? "manifests" });
}
