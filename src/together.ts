/**
 * Work side by side that ends as one.
 *
 * @module
 */

/**
 * Runs tasks side by side. The first failure aborts the others; when all have
 * ended it is thrown, so that nothing goes on behind the caller's back.
 */
export async function together<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal,
): Promise<T[]> {
  signal.throwIfAborted();
  const siblings = new AbortController();
  const onAbort = () => siblings.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  let first: { readonly error: unknown } | undefined;
  try {
    const results = await Promise.allSettled(tasks.map(async (task) => {
      try {
        return await task(siblings.signal);
      } catch (error) {
        if (!first) {
          first = { error };
          siblings.abort(error);
        }
        throw error;
      }
    }));
    if (first) throw first.error;
    return results.flatMap((r) => r.status === "fulfilled" ? [r.value] : []);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/**
 * `Promise.all` that does not end before all have ended, so that nothing goes on
 * behind the caller's back when one of them fails.
 */
export async function allOf<const T extends readonly unknown[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return await Promise.all(work);
}
