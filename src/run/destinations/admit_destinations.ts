/**
 * Checks the login at each destination of a run, and asks the user where one is
 * missing.
 *
 * @module
 */

import type { HangarError } from "../../errors.ts";
import type { MirrorPlan } from "../../mirror/plan/plan_mirror.ts";
import { checkLogins, type LoginNeeded, SAYS } from "./check_logins.ts";
import type { ReachOptions } from "../network/connect_network.ts";
import type { LogOptions } from "../log_console.ts";
import { askForLogin, tryAndKeep } from "./login.ts";
import type { Network } from "../network/network.ts";
import type { Prompt } from "../process.ts";
import type { NetworkProcess } from "../network/with_network.ts";

/** What asking the user needs. */
export interface AskOptions {
  readonly reach: ReachOptions & LogOptions;
  readonly process: NetworkProcess & { readonly prompt: Prompt };
  /** Called with a text that says where credentials were kept. */
  readonly announce: (text: string) => void;
  /** Called when there are new credentials. */
  readonly onLogin: () => void;
}

/**
 * The plan, in which images for destinations that refuse the login fail at
 * once. After an interrupt the plan is unchanged: each image then reports the
 * interrupt.
 *
 * @throws {HangarError} `usage` when the run's one destination refuses the login
 */
export async function admitDestinations(
  plan: MirrorPlan,
  network: Pick<Network, "checkLogin">,
  ask: AskOptions,
  signal: AbortSignal,
): Promise<MirrorPlan> {
  try {
    const shut = await checkLogins(
      plan,
      network,
      (needed) => logIn(needed, ask),
    );
    return withoutDestinations(plan, shut);
  } catch (error) {
    if (signal.aborted) return plan;
    throw error;
  }
}

async function logIn(
  { registry, state }: LoginNeeded,
  { reach, process, announce, onLogin }: AskOptions,
): Promise<boolean> {
  const question = `Destination ${registry.host} ${SAYS[state]}. Username: `;
  const login = await askForLogin(question, process.prompt);
  if (!login) return false;
  const kept = await tryAndKeep(registry, login, reach, process, announce);
  onLogin();
  return kept;
}

function withoutDestinations(
  plan: MirrorPlan,
  shut: ReadonlyMap<string, HangarError>,
): MirrorPlan {
  const tasks = plan.tasks.map((task) => {
    const refusal = shut.get(task.destination.registry);
    return refusal && !task.refusal ? { ...task, refusal } : task;
  });
  return { ...plan, tasks };
}
