/**
 * Registers the cases of the attack suite.
 *
 * @module
 */

import { testBothWays } from "../support/verify_way.ts";

/**
 * Registers one case: what the other side does, and that hangar stands it,
 * whoever checks digests.
 */
export function attack(
  name: string,
  run: (test: Deno.TestContext) => Promise<void> | void,
): void {
  testBothWays(`attack: ${name}`, run);
}
