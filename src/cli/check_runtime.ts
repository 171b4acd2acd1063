/**
 * Whether the Deno that runs hangar is new enough.
 *
 * @module
 */

/**
 * The oldest version that works: the client for `--tls-verify=false` calls
 * `markAsUncloneable` of `node:worker_threads`, which Deno has since then.
 */
const OLDEST = [2, 8] as const;

/** Why a version of Deno does not work; undefined where it works. */
export function unfitRuntime(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [needMajor, needMinor] = OLDEST;
  if (major > needMajor || major === needMajor && minor >= needMinor) {
    return undefined;
  }
  return `hangar needs Deno ${
    OLDEST.join(".")
  } or newer, and this is Deno ${version}: run deno upgrade`;
}
