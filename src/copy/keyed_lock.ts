/**
 * One at a time for each key.
 *
 * @module
 */

import { abortable } from "@std/async/abortable";

/** Runs work for one key at a time; work for other keys goes on beside it. */
export class KeyedLock {
  readonly #held = new Map<string, Promise<void>>();

  /**
   * Waits for its turn, then works.
   *
   * @param signal ends the wait, not the work
   */
  async run<T>(
    key: string,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    for (
      let ended = this.#held.get(key);
      ended;
      ended = this.#held.get(key)
    ) {
      await abortable(ended, signal);
    }
    signal.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(key, promise);
    try {
      return await work();
    } finally {
      this.#held.delete(key);
      resolve();
    }
  }
}

/**
 * Remembers results by key. One caller at a time looks; failures are forgotten.
 */
export class Memo<T> {
  readonly #lock = new KeyedLock();
  readonly #known = new Map<string, { readonly value: T }>();

  /** Remembers a result that was found elsewhere. */
  set(key: string, value: T): void {
    this.#known.set(key, { value });
  }

  /**
   * The result for a key: the remembered one, or that of `find`. If `find`
   * fails, the next caller that waits tries again with its own signal.
   */
  async get(
    key: string,
    signal: AbortSignal,
    find: () => Promise<T>,
  ): Promise<T> {
    const known = this.#known.get(key);
    if (known) return known.value;
    return await this.#lock.run(key, signal, async () => {
      const meanwhile = this.#known.get(key);
      if (meanwhile) return meanwhile.value;
      const value = await find();
      this.#known.set(key, { value });
      return value;
    });
  }
}
