/**
 * Which image the running code works for, without passing it to every call. The
 * report counts requests by image.
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
