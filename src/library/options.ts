/**
 * What a program says of a mirror.
 *
 * @module
 */

import type { MirrorEvent } from "../mirror/events.ts";

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
  /** Platforms, as `os/arch` or `os/arch/variant`, or `all`; instead of both. */
  readonly platform?: readonly string[];
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
   * Ignore what destination tags hold, and take nothing there for granted: it is
   * read and hashed, and sent again where it is missing or different.
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
