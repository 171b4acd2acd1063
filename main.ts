/**
 * hangar: mirror container images between registries. As a program,
 * `deno run -A jsr:@hangar/mirror`; as a library, {@linkcode mirror} and
 * {@linkcode validate}.
 *
 * @module
 */

export { mirror, validate } from "./src/cli/library.ts";
export type {
  MirrorOptions,
  MirrorRunOptions,
  ValidateOptions,
} from "./src/cli/library.ts";
export type {
  MirrorReport,
  ReportedImage,
  ReportedReference,
} from "./src/report/json_report.ts";
export type {
  ImagePlan,
  MirrorEvent,
  MirrorOutcome,
  MirrorTotals,
  OutcomeKind,
} from "./src/mirror/events.ts";
export {
  type ErrorCode,
  HangarError,
  type HangarErrorOptions,
} from "./src/errors.ts";
import { runCli } from "./src/cli/root.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args));
