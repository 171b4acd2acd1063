/**
 * Variables of the environment that are set for a moment.
 *
 * @module
 */

/**
 * Loads a module that reads the environment when it is loaded, as the HTTP
 * client of @sigstore/sign does for proxies.
 *
 * @param variables set while it loads, and reset to the values from before
 * afterwards
 */
export async function withVariables<T>(
  variables: Readonly<Record<string, string>>,
  load: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(variables).map((name) =>
    [name, Deno.env.get(name)] as const
  );
  for (const [name, value] of Object.entries(variables)) {
    Deno.env.set(name, value);
  }
  try {
    return await load();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}
