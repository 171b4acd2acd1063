/**
 * What was read lately, so that others need not read it again.
 *
 * @module
 */

import { KeyedLock } from "./keyed_lock.ts";

/** Remembers results up to a sum of bytes; the oldest are forgotten first. */
export class RecentReads<T> {
  readonly #lock = new KeyedLock();
  readonly #known = new Map<string, { readonly value: T }>();
  readonly #limit: number;
  readonly #bytesOf: (value: T) => number;
  #bytes = 0;

  /**
   * @param limit in bytes
   * @param bytesOf how much memory a result takes
   */
  constructor(limit: number, bytesOf: (value: T) => number) {
    this.#limit = limit;
    this.#bytesOf = bytesOf;
  }

  /**
   * The result for a key: the remembered one, or that of `read`. One caller at a
   * time reads. If that fails, the next caller that waits reads itself.
   */
  async get(
    key: string,
    signal: AbortSignal | undefined,
    read: () => Promise<T>,
  ): Promise<T> {
    const known = this.#find(key);
    if (known) return known.value;
    const unending = signal ?? new AbortController().signal;
    return await this.#lock.run(key, unending, async () => {
      const meanwhile = this.#find(key);
      if (meanwhile) return meanwhile.value;
      const value = await read();
      this.#keep(key, { value });
      return value;
    });
  }

  /** What is used again stays longer. */
  #find(key: string): { readonly value: T } | undefined {
    const known = this.#known.get(key);
    if (known) {
      this.#known.delete(key);
      this.#known.set(key, known);
    }
    return known;
  }

  #keep(key: string, result: { readonly value: T }): void {
    this.#known.set(key, result);
    this.#bytes += this.#sizeOf(key, result);
    for (const [oldest, { value }] of this.#known) {
      if (this.#bytes <= this.#limit) return;
      this.#known.delete(oldest);
      this.#bytes -= this.#sizeOf(oldest, { value });
    }
  }

  #sizeOf(key: string, { value }: { readonly value: T }): number {
    return 2 * key.length + this.#bytesOf(value);
  }
}
