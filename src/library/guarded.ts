/**
 * Callbacks of programs, which must not break what calls them.
 *
 * @module
 */

/** The same function, whose first error ends its calls. */
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
