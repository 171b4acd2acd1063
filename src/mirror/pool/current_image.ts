/**
 * Which image a piece of work is for, without handing it down: requests are
 * counted and blamed by it.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";

const storage = new AsyncLocalStorage<number>();

/** Runs work for an image, named by its `[IMG:n]` ordinal. */
export function runForImage<T>(image: number, work: () => T): T {
  return storage.run(image, work);
}

/** The image that the running code works for; undefined outside of any. */
export function currentImage(): number | undefined {
  return storage.getStore();
}
