/**
 * Which image the running code works for, without passing it to every call. The
 * report counts requests by image.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import type { ImageAtPlace } from "../events.ts";

const storage = new AsyncLocalStorage<ImageAtPlace>();

/** Runs work for an image at one of its destinations. */
export function runForImage<T>(image: ImageAtPlace, work: () => T): T {
  return storage.run(image, work);
}

/** The image that the running code works for; undefined outside of any. */
export function currentImage(): ImageAtPlace | undefined {
  return storage.getStore();
}
