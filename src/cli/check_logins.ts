/**
 * Whether the destinations of a run take the credentials at hand.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { MirrorPlan } from "../mirror/plan.ts";
import type { RegistryAddress } from "../names/reference.ts";
import { allOf } from "../together.ts";
import type { Network } from "./wire.ts";

/** A destination that does not let the run in. */
export interface LoginNeeded {
  readonly registry: RegistryAddress;
  readonly state: keyof typeof SAYS;
}

/** What a destination does, by the state of the login. */
export const SAYS = {
  missing: "wants credentials and there are none",
  refused: "refuses the credentials",
} as const;

/**
 * Asks each destination once whether it takes the credentials at hand.
 *
 * @param login gets the user to log in; false when nobody is there to ask
 * @throws {HangarError} `usage` when a destination keeps the run out
 */
export async function checkLogins(
  plan: MirrorPlan,
  network: Network,
  login: (needed: LoginNeeded) => Promise<boolean>,
): Promise<void> {
  const registries = new Map<string, RegistryAddress>();
  for (const { destination, refusal } of plan.tasks) {
    if (!refusal) {
      registries.set(destination.registry.host, destination.registry);
    }
  }
  const needed = await allOf(
    [...registries.values()].map(async (registry) => {
      const state = await network.checkLogin(registry);
      return state === "missing" || state === "refused"
        ? [{ registry, state }]
        : [];
    }),
  );
  // One question at a time.
  for (const { registry, state } of needed.flat()) {
    if (await login({ registry, state })) continue;
    throw new HangarError(
      "usage",
      `destination ${registry.host} ${SAYS[state]}`,
      {
        hint:
          `run: hangar login ${registry.host} (or go on without this check: --skip-login)`,
      },
    );
  }
}
