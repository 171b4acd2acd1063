/**
 * The work of a run: its list planned, and shared out where other machines take
 * their parts.
 *
 * @module
 */

import { counted } from "../counted.ts";
import {
  type DestinationsOptions,
  planDestinations,
} from "../mirror/plan/plan_destinations.ts";
import { type MirrorPlan, planMirror } from "../mirror/plan/plan_mirror.ts";
import type { ResolvedList } from "../mirror/plan/resolve_list.ts";
import { formatShard, type Shard, takeShard } from "../mirror/plan/shard.ts";
import { type ReadList, tellInvalid } from "./read_list.ts";

/** A list whose lines name their tags, and what it was read from. */
export type NamedList = ResolvedList & Pick<ReadList, "digest">;

/** The list of a run; only its own part, where it takes one. */
export type RunList = NamedList & {
  /** How many lines the whole list has, without comments. */
  readonly lines: number;
};

/** The list and the plan of a run. */
export interface PlannedList {
  readonly list: RunList;
  readonly plan: MirrorPlan;
}

/** How a list is planned. */
export interface PlanListOptions extends DestinationsOptions {
  /** @default {planMirror} */
  readonly plan?: typeof planMirror;
  /** The part that this run takes. @default {the whole list} */
  readonly shard?: Shard;
  readonly log: {
    info(message: string): void;
    warn(message: string): void;
  };
}

/**
 * Plans a list, and takes the part of this run.
 *
 * @throws {HangarError} `usage` as {@linkcode planMirror} does
 */
export function planList(
  named: NamedList,
  options: PlanListOptions,
): PlannedList {
  const { log, plan = planMirror, shard } = options;
  const lines = [...named.entries, ...named.invalid].map(({ line }) => line);
  const whole = {
    list: { ...named, lines: new Set(lines).size },
    plan: planDestinations(named, options, plan),
  };
  const own = shard ? partOf(whole, shard, log.info) : whole;
  tellInvalid(own.list, log.warn);
  for (const { message } of own.plan.warnings) log.warn(message);
  return own;
}

function partOf(
  { list, plan }: PlannedList,
  shard: Shard,
  info: (message: string) => void,
): PlannedList {
  const part = takeShard(list, plan, shard);
  const { entries, invalid } = part.list;
  const own = new Set([...entries, ...invalid].map(({ line }) => line)).size;
  info(
    `shard ${formatShard(shard)}: ${
      own === 0
        ? `no line of ${list.name} falls to it, so there is nothing to do`
        : `${own} of ${counted(list.lines, "line")} of ${list.name}`
    }`,
  );
  return part;
}
