/**
 * Registers the cases of the attack suite.
 *
 * @module
 */

/** Registers one case: what the other side does, and that hangar stands it. */
export function attack(
  name: string,
  run: (test: Deno.TestContext) => Promise<void> | void,
): void {
  Deno.test(`attack: ${name}`, run);
}
