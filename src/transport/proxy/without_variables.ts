/**
 * Variables of the environment that are hidden for a moment.
 *
 * @module
 */

/**
 * Does something while variables are out of the environment. Nothing else runs
 * meanwhile: the work is synchronous, and the variables are back after it.
 */
export function withoutVariables<T>(
  names: readonly string[],
  work: () => T,
): T {
  const hidden = names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [{ name, value }];
  });
  for (const { name } of hidden) Deno.env.delete(name);
  try {
    return work();
  } finally {
    for (const { name, value } of hidden) Deno.env.set(name, value);
  }
}
