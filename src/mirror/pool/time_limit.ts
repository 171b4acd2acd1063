/**
 * The time that one image may take.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";

/** The signal that ends the work on one image: an interrupt, or its timeout. */
export function timeLimit(
  { signal, timeoutMs }: {
    readonly signal: AbortSignal;
    /** In ms; 0 for no limit. */
    readonly timeoutMs: number;
  },
): Disposable & {
  readonly signal: AbortSignal;
  /** Does work while no time counts; then there is the whole time again. */
  untimed<T>(work: () => Promise<T>): Promise<T>;
} {
  const run = new AbortController();
  const onInterrupt = () => run.abort(signal.reason);
  signal.addEventListener("abort", onInterrupt, { once: true });
  const start = () =>
    timeoutMs > 0
      ? setTimeout(() => run.abort(timeoutError(timeoutMs)), timeoutMs)
      : undefined;
  let timer = start();
  return {
    signal: run.signal,
    async untimed(work) {
      clearTimeout(timer);
      try {
        return await work();
      } finally {
        timer = start();
      }
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onInterrupt);
    },
  };
}

function timeoutError(ms: number): HangarError {
  return new HangarError(
    "timeout",
    `not finished within the --timeout of ${ms / 1000} s`,
    { hint: "raise --timeout, or use fewer --jobs" },
  );
}
