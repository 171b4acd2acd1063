/**
 * hangar for programs: the commands on lists, as functions.
 *
 * @module
 */

import type { MirrorEvent } from "../mirror/events.ts";
import type { MirrorReport } from "../report/json_report.ts";

/** What is mirrored, from where to where. */
export interface MirrorOptions {
  /** The lines of an image list, in either format. */
  readonly images: readonly string[];
  /** The source registry, instead of those in the lines: `[scheme://]host[:port]`. */
  readonly source?: string;
  /** The project of every source. */
  readonly sourceProject?: string;
  /** The destination registry. */
  readonly destination?: string;
  /** The project of every destination. */
  readonly destinationProject?: string;
  /**
   * Architectures, as `arch` or `arch/variant`, or `all`.
   *
   * @default {["amd64", "arm64"]}
   */
  readonly arch?: readonly string[];
  /**
   * Operating systems, or `all`.
   *
   * @default {["linux"]}
   */
  readonly os?: readonly string[];
  /**
   * Images at once, 1 to 20.
   *
   * @default {1}
   */
  readonly jobs?: number;
  /**
   * What one image may take, in ms; 0 for no limit.
   *
   * @default {600_000}
   */
  readonly timeoutMs?: number;
  /**
   * Ignore what destination tags hold, and look at every blob.
   *
   * @default {false}
   */
  readonly overwrite?: boolean;
  /**
   * Leave alone images whose tag is there.
   *
   * @default {false}
   */
  readonly missing?: boolean;
  /**
   * Whether signatures and referrers come along.
   *
   * @default {true}
   */
  readonly signatures?: boolean;
  /**
   * Whether BuildKit's attestations come along.
   *
   * @default {true}
   */
  readonly provenance?: boolean;
  /**
   * `true` requires HTTPS and valid certificates everywhere, `false` neither.
   *
   * @default {valid HTTPS, but plain HTTP on loopback}
   */
  readonly tlsVerify?: boolean;
  /** Ends the run; what was not done is `interrupted` in the report. */
  readonly signal?: AbortSignal;
  /** Sees what happens, as it does. */
  readonly onEvent?: (event: MirrorEvent) => void;
  /** Sees the log, line by line. */
  readonly onLog?: (line: string) => void;
}

/** How mirroring is run. */
export interface MirrorRunOptions extends MirrorOptions {
  /**
   * Work out what would be done, and write nothing.
   *
   * @default {false}
   */
  readonly dryRun?: boolean;
}

/** How deep a validation looks. */
export interface ValidateOptions extends MirrorOptions {
  /**
   * Compare manifests, look for every blob too, or pull and hash every blob.
   *
   * @default {"manifests"}
   */
  readonly depth?: "manifests" | "blobs" | "bytes";
}

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
