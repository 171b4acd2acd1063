/**
 * Which tags of a repository a list entry asks for.
 *
 * @module
 */

import { isAttachmentTag, isFallbackTag } from "../../oci/attachment.ts";
import { newestOf } from "./version_order.ts";
import type { TagPattern } from "./glob.ts";

/** The tag under which a repository keeps when its images were first seen. */
export const FIRST_SEEN_TAG = "hangar-first-seen";

/** A range of versions. */
export interface VersionRange {
  /** As it was written. */
  readonly source: string;
  /** Whether a tag is a version within it. */
  includes(tag: string): boolean;
}

/** Tags that pass all of these. */
export interface TagRule {
  /** At least one holds it. @default {any tag} */
  readonly ranges?: readonly VersionRange[];
  /** At least one matches it. @default {any tag} */
  readonly allow?: readonly TagPattern[];
  /** None matches it. @default {none} */
  readonly deny?: readonly TagPattern[];
}

/** Tags that one of several rules lets through; without any rule, all tags. */
export type TagSelector = readonly TagRule[];

/** What the command line adds to a choice. */
export interface Narrowing {
  /** Only so many of each choice, the newest. @default {all} */
  readonly newest?: number;
}

/** Whether a name passes a rule. */
export function passes(name: string, rule: TagRule): boolean {
  const { ranges, allow, deny } = rule;
  return (!ranges?.length || ranges.some((range) => range.includes(name))) &&
    (!allow?.length || allow.some((pattern) => pattern.matches(name))) &&
    !deny?.some((pattern) => pattern.matches(name));
}

/**
 * The tags that are chosen, each once. Tags of signatures and of indexes of
 * referrers are never chosen: they come along with their images.
 */
export function chooseTags(
  tags: readonly string[],
  selector: TagSelector,
  { newest }: Narrowing = {},
): string[] {
  const images = [...new Set(tags)].filter((tag) =>
    !isAttachmentTag(tag) && !isFallbackTag(tag) && tag !== FIRST_SEEN_TAG
  );
  const chosen = selector.length === 0
    ? images
    // Rule by rule, as regsync does it.
    : [
      ...new Set(
        selector.flatMap((rule) => images.filter((tag) => passes(tag, rule))),
      ),
    ];
  return newest === undefined ? chosen : newestOf(chosen, newest);
}
