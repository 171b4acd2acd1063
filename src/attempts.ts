/**
 * Further attempts of what failed for the time being.
 *
 * @module
 */

/**
 * A registry that asks for a longer wait than this, in ms, has a quota that is
 * used up: to wait for it would stop the run.
 */
export const QUOTA_MS = 120_000;

/** Decides about further attempts of one step of an operation. */
export interface Attempts {
  /**
   * Waits before the next attempt.
   *
   * @throws the error when there is to be none
   */
  failed(error: unknown, signal?: AbortSignal): Promise<void>;
  /** Something was achieved: the count begins anew. */
  progressed(): void;
}
