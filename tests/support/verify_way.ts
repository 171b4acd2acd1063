/**
 * Suites that run in both ways: hangar checks the digests of all blobs, or leaves
 * those to the destination that it can.
 *
 * @module
 */

import { VERIFY_MODES, type VerifyMode } from "../../src/oci/digest.ts";

let current: VerifyMode | undefined;

/** The way of the test that runs; undefined for one without a way. */
export function verifyWay(): VerifyMode | undefined {
  return current;
}

/** Runs work in which hangar takes one way, for blobs of any size. */
export async function inWay<T>(
  way: VerifyMode,
  work: () => Promise<T> | T,
): Promise<T> {
  current = way;
  try {
    return await work();
  } finally {
    current = undefined;
  }
}

/** Registers a test for each way. */
export function testBothWays(
  name: string,
  run: (test: Deno.TestContext) => Promise<void> | void,
): void {
  for (const way of VERIFY_MODES) {
    Deno.test(`${name} (--verify=${way})`, (test) =>
      inWay(way, () => run(test)));
  }
}
