/**
 * What a destination is expected to lack, by what it lacked so far.
 *
 * @module
 */

/** So many in a row make it likely that the next one is lacking too. */
const LIKELY = 8;

/**
 * What destinations turned out to lack, one after the other. Where the next one is
 * likely to be lacking, its content can be asked for at its source while the
 * destination is still asked for it.
 */
export class Expectation {
  readonly #lacking = new Map<string, number>();

  /** Notes what a store answered. */
  note(storeId: string, isLacking: boolean): void {
    const inARow = isLacking ? (this.#lacking.get(storeId) ?? 0) + 1 : 0;
    this.#lacking.set(storeId, inARow);
  }

  /** Whether the next one is likely to be lacking. */
  isLikely(storeId: string): boolean {
    return (this.#lacking.get(storeId) ?? 0) >= LIKELY;
  }
}
