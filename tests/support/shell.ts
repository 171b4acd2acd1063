/**
 * The shell that some tests need: one of those of POSIX, with coreutils and no
 * more.
 *
 * @module
 */

/** Its path. */
export const SHELL = "/bin/sh";

function hasShell(): boolean {
  try {
    return Deno.statSync(SHELL).isFile;
  } catch {
    return false;
  }
}

/**
 * A test that runs scripts of the shell; ignored, and marked so, where there is
 * none.
 *
 * @throws {Error} without a shell where `HANGAR_REQUIRE_INTEROP=1`: there a
 * skipped test must not look like a passed one
 */
export function shellTest(name: string, fn: () => Promise<void>): void {
  if (hasShell()) return Deno.test(name, fn);
  if (Deno.env.get("HANGAR_REQUIRE_INTEROP") === "1") {
    throw new Error(`${SHELL} is not there, and HANGAR_REQUIRE_INTEROP=1`);
  }
  Deno.test.ignore(`${name} (needs ${SHELL})`, fn);
}
