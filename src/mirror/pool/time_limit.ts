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
): Disposable & { readonly signal: AbortSignal } {
  const run = new AbortController();
  const onInterrupt = () => run.abort(signal.reason);
  signal.addEventListener("abort", onInterrupt, { once: true });
  const timer = timeoutMs > 0
    ? setTimeout(() => run.abort(timeoutError(timeoutMs)), timeoutMs)
    : undefined;
  return {
    signal: run.signal,
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
