/**
 * Whether the destinations of a run accept the credentials that hangar has.
 *
 * @module
 */

import { type RegistryAddress, registryOf } from "../../names/address.ts";
import { HangarError, withContext } from "../../errors.ts";
import type { MirrorPlan } from "../../mirror/plan/plan_mirror.ts";
import { allOf } from "../../together.ts";
import type { Network } from "../network/network.ts";

/** A destination that refuses the login. */
export interface LoginNeeded {
  readonly registry: RegistryAddress;
  readonly state: keyof typeof SAYS;
}

/** A registry, and what is to be written there. */
interface Destination {
  readonly registry: RegistryAddress;
  readonly repositories: Set<string>;
}

/** What a destination does, by the state of the login. */
export const SAYS = {
  missing: "wants credentials and there are none",
  refused: "refuses the credentials",
} as const;

/**
 * Asks each destination once whether it accepts the credentials that hangar
 * has.
 *
 * @param login asks the user to log in; false where there is no terminal to ask
 * on
 * @returns why a destination's images fail, by its host: it cannot be reached,
 * or refuses the login
 * @throws {HangarError} `usage` when the run's one destination refuses the login
 */
export async function checkLogins(
  plan: MirrorPlan,
  network: Pick<Network, "checkLogin">,
  login: (needed: LoginNeeded) => Promise<boolean>,
): Promise<ReadonlyMap<string, HangarError>> {
  const registries = new Map<string, Destination>();
  for (const { destination, refusal } of plan.tasks) {
    if (refusal) continue;
    const known = registries.get(destination.registry);
    if (known) known.repositories.add(destination.repository);
    else {
      registries.set(destination.registry, {
        registry: registryOf(destination),
        repositories: new Set([destination.repository]),
      });
    }
  }
  const shut = new Map<string, HangarError>();
  const needed = await allOf(
    [...registries.values()].map(async (
      { registry, repositories },
    ): Promise<LoginNeeded[]> => {
      try {
        const state = await network.checkLogin(registry, repositories);
        return state === "missing" || state === "refused"
          ? [{ registry, state }]
          : [];
      } catch (error) {
        const { host } = registry;
        const told = withContext(`cannot reach destination ${host}`, error);
        if (!(told instanceof HangarError) || told.code === "interrupted") {
          throw error;
        }
        shut.set(host, told);
        return [];
      }
    }),
  );
  // One question at a time.
  for (const { registry, state } of needed.flat()) {
    if (await login({ registry, state })) continue;
    const alone = registries.size === 1;
    const refusal = new HangarError(
      alone ? "usage" : "unauthorized",
      `destination ${registry.host} ${SAYS[state]}`,
      {
        hint:
          `run: hangar login ${registry.host} (or go on without this check: --skip-login)`,
      },
    );
    if (alone) throw refusal;
    shut.set(registry.host, refusal);
  }
  return shut;
}
