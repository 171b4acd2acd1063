/**
 * Callbacks of programs, which must not break what calls them.
 *
 * @module
 */

/** Wraps a function: after its first error it is not called again. */
export function guarded<T>(call: (value: T) => void): (value: T) => void {
  let broken = false;
  return (value) => {
    if (broken) return;
    try {
      call(value);
    } catch {
      broken = true;
    }
  };
}
