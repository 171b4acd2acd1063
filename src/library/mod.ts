/**
 * hangar for programs: mirroring, copying and looking at images as functions,
 * and the types that they deal in.
 *
 * @module
 */

import type { MirrorReport } from "../report/json_report.ts";
import type { CopiedImage } from "./copy.ts";
import type { ImageInspection } from "./inspect.ts";
import type {
  CopyOptions,
  InspectOptions,
  MirrorRunOptions,
  RegistryOptions,
  ValidateOptions,
} from "./options.ts";

export {
  type ErrorCode,
  HangarError,
  type HangarErrorOptions,
} from "../errors.ts";
export type {
  ImageMerge,
  ImagePhase,
  ImagePlan,
  KeptEntry,
  LostEntry,
  MirrorEvent,
  MirrorOutcome,
  MirrorTotals,
  NothingSelected,
  OutcomeKind,
  PlatformDigest,
  SparseIndex,
} from "../mirror/events.ts";
export type {
  MirrorReport,
  ReportedImage,
  ReportedReference,
} from "../report/json_report.ts";
export type { PhaseTimes, SeenPhase } from "../report/phases.ts";
export type { FetchFunction } from "../transport/host_client.ts";
export type { CopiedImage } from "./copy.ts";
export type { ImageInspection } from "./inspect.ts";
export type {
  ContentOptions,
  CopyOptions,
  CredentialsFunction,
  InspectOptions,
  KeySigner,
  MirrorOptions,
  MirrorRunOptions,
  Policy,
  RegistryCertificates,
  RegistryCredentials,
  RegistryOptions,
  RetryOptions,
  SignerRole,
  ValidateOptions,
} from "./options.ts";

/**
 * Mirrors images. An image that fails does not end the run: the report has the
 * outcome of each. Credentials, certificates, policy and proxies are those of
 * the user, as for the command, unless the options bring others.
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
 * @throws {HangarError} `usage` for options or lists that make no sense, and
 * when the only destination refuses the login
 */
export async function mirror(options: MirrorRunOptions): Promise<MirrorReport> {
  const { mirrorImages } = await import("./mirror.ts");
  return await mirrorImages(options);
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
  const { validateImages } = await import("./mirror.ts");
  return await validateImages(options);
}

/**
 * Copies one image, with its signatures and referrers.
 *
 * @example
 * ```ts
 * import { copy } from "@hangar/mirror";
 *
 * const { digest } = await copy({
 *   source: "quay.io/corp/api:v2.1",
 *   destination: "registry.example:5000/platform/api:stable",
 *   platform: ["all"],
 * });
 * console.log(digest);
 * ```
 *
 * @throws {HangarError} when it is not copied; `code`, `status` and `cause` say
 * why
 */
export async function copy(options: CopyOptions): Promise<CopiedImage> {
  const { copyImage } = await import("./copy.ts");
  return await copyImage(options);
}

/**
 * Looks at an image.
 *
 * @param reference `[scheme://][REGISTRY/]NAME[:TAG][@DIGEST]`
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function inspect(
  reference: string,
  options: InspectOptions = {},
): Promise<ImageInspection> {
  const { inspectReference } = await import("./inspect.ts");
  return await inspectReference(reference, options);
}

/**
 * Lists the tags of a repository, all pages.
 *
 * @param repository `[scheme://][REGISTRY/]NAME`
 * @returns the tags as the registry orders them
 * @throws {HangarError} `not-found`, or any fault of the registry
 */
export async function listTags(
  repository: string,
  options: RegistryOptions = {},
): Promise<string[]> {
  const { tagsOf } = await import("./list_tags.ts");
  return await tagsOf(repository, options);
}
