/**
 * Work whose result several callers share.
 *
 * @module
 */

/**
 * The promise for a key: the known one, or a new one. A failure is forgotten, so
 * that a later caller tries again.
 *
 * @param known the promises so far, by key
 * @param work starts the work
 */
export function sharedWork<K, T>(
  known: Map<K, Promise<T>>,
  key: K,
  work: () => Promise<T>,
): Promise<T> {
  const found = known.get(key);
  if (found) return found;
  const started = work();
  known.set(key, started);
  started.catch(() => {
    // The key may have been given up meanwhile, and begun anew.
    if (known.get(key) === started) known.delete(key);
  });
  return started;
}
