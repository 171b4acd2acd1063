/**
 * What a list says of single entries.
 *
 * @module
 */

import type { PlatformFilter } from "../oci/platform.ts";
import type { Reference, RepositoryName } from "../names/reference.ts";

/** One platform, of which the manifest itself is wanted. */
export interface OnePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
}

/** Which referrers come along. */
export interface ReferrerFilter {
  /** @default {any} */
  readonly artifactType?: string;
  /** Annotations that it must have; an empty value stands for any. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Settings of an entry that is copied as regsync copies it: it is taken whole
 * unless it or a flag says otherwise, and replaces what the tag holds.
 */
export interface EntrySettings {
  /** Only this one; the tag gets its manifest itself. */
  readonly platform?: OnePlatform;
  /** Only these; the tag gets an index of them. */
  readonly platforms?: PlatformFilter;
  /** Whether cosign's tags come along. @default {true} */
  readonly digestTags?: boolean;
  /** Whether referrers come along. @default {true} */
  readonly referrers?: boolean;
  /** Those of the referrers that pass one of these. @default {all} */
  readonly referrerFilters?: readonly ReferrerFilter[];
  /** Where referrers are. @default {where the image is} */
  readonly referrerSource?: RepositoryName;
  /** Where they go. @default {where the image goes} */
  readonly referrerTarget?: RepositoryName;
  /** Look for nothing more where the tag is up to date. */
  readonly fastCheck?: boolean;
  /** Take nothing at the destination for granted. */
  readonly forceRecursive?: boolean;
  /** Copy layers that the manifest says are elsewhere. */
  readonly includeExternal?: boolean;
  /** Types of manifests that are copied; others are left out. */
  readonly mediaTypes?: readonly string[];
  /** Where what a tag holds is kept before it is replaced. */
  readonly backup?: (replaced: Reference) => Promise<Reference>;
  /** How much of its pull limit the source's registry must have left. */
  readonly rateLimit?: RateLimitSetting;
}

/** Waiting for a pull limit. */
export interface RateLimitSetting {
  /** Pulls that must be left. */
  readonly min: number;
  /** How long to wait before it is looked at again, in ms. */
  readonly retryMs: number;
}
