/**
 * The user's Ctrl-C as an abort signal.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { OnInterrupt } from "./process.ts";

/** Aborted when the user interrupts; disposing of it stops listening. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #unlisten: () => void;

  /** @param tell called before the signal is aborted */
  constructor(onInterrupt: OnInterrupt, tell: () => void = () => {}) {
    this.#unlisten = onInterrupt(() => {
      tell();
      this.#controller.abort(new HangarError("interrupted", "interrupted"));
    });
  }

  /** The signal; its reason is a {@linkcode HangarError} `interrupted`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#unlisten();
  }
}
