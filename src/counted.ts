/**
 * Counts in messages.
 *
 * @module
 */

/**
 * A count with its noun: `1 retry`, `0 retries`, `2 retries`.
 *
 * @param plural @default {the singular with an s}
 */
export function counted(
  count: number,
  singular: string,
  plural = `${singular}s`,
): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** Signatures and referrers, which are counted as one. */
export function countedAttachments(count: number): string {
  return counted(count, "signature or referrer", "signatures and referrers");
}
