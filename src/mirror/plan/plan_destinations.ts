/**
 * The plan of a run that sends every image to several registries.
 *
 * @module
 */

import type { ImageList } from "../../lists/image_list.ts";
import type { RegistryAddress } from "../../names/address.ts";
import type { MirrorPlan, planMirror, PlanOptions } from "./plan_mirror.ts";

/** Where every image goes. */
export interface DestinationsOptions extends PlanOptions {
  /** Registries that every image goes to besides `destination`. */
  readonly furtherDestinations?: readonly RegistryAddress[];
}

/**
 * Plans a run for each destination, and puts the plans together: the tasks of one
 * line stand side by side, in the order of the destinations.
 *
 * @param plan plans a run for one destination
 * @throws {HangarError} `usage` as `plan` does
 */
export function planDestinations(
  list: ImageList,
  options: DestinationsOptions,
  plan: typeof planMirror,
): MirrorPlan {
  const { destination, furtherDestinations = [] } = options;
  if (furtherDestinations.length === 0) return plan(list, options);
  const plans = [destination, ...furtherDestinations].map((destination) =>
    plan(list, { ...options, destination })
  );
  const messages = new Set<string>();
  return {
    tasks: plans.flatMap(({ tasks }, place) =>
      tasks.map((task) => ({ ...task, place }))
    ).sort((a, b) => a.id - b.id || a.place - b.place),
    warnings: plans.flatMap(({ warnings }) => warnings).filter(
      ({ message }) => {
        const isNew = !messages.has(message);
        messages.add(message);
        return isNew;
      },
    ),
  };
}
