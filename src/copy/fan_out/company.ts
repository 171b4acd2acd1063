/**
 * The destinations of one image that go in step.
 *
 * @module
 */

/** The other destinations that work on the same line. */
export interface Company {
  /** The places that go in step, this one among them, and are not done. */
  readonly places: ReadonlySet<number>;
  /** Those that were waited for in vain. */
  readonly absent: Set<number>;
  /** Others have waited so many ms for a place. */
  waitedFor(place: number, ms: number): void;
}
