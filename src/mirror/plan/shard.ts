/**
 * The part of a list that one of several machines takes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { invalidFlag } from "../../errors.ts";
import type { ImageList } from "../../lists/image_list.ts";
import type { MirrorPlan } from "./plan_mirror.ts";
import type { MirrorTask } from "./task.ts";

/** One part of a list that is shared out. */
export interface Shard {
  /** Which part, from 0. */
  readonly index: number;
  /** Into how many parts the list is shared out. */
  readonly count: number;
}

/** The most parts: finding one for a repository takes a step for each part. */
export const MAX_SHARDS = 10_000;

/**
 * Where `auto` finds the index: an Indexed Job of Kubernetes and a job array of
 * Slurm set one of these in each of their processes.
 */
const SLURM_INDEX = "SLURM_ARRAY_TASK_ID";
const INDEX_VARIABLES = ["JOB_COMPLETION_INDEX", SLURM_INDEX];

/**
 * Parses `I/N`, or `auto/N`.
 *
 * @param option its name in errors: `--shard`
 * @param env the environment, for `auto`
 * @throws {HangarError} `usage`, naming option and value
 */
export function parseShard(
  text: string,
  option: string,
  env: (name: string) => string | undefined,
): Shard {
  const match = /^(auto|\d{1,9})\/(\d{1,9})$/.exec(text);
  if (!match) {
    throw invalidFlag(
      option,
      text,
      "want I/N, counted from 0 such as 0/8, or auto/N",
    );
  }
  const [, part, parts] = match;
  const count = Number(parts);
  if (part !== "auto") {
    return checkShard({ index: Number(part), count }, option, text);
  }
  const name = INDEX_VARIABLES.find((variable) => env(variable) !== undefined);
  if (name === undefined) {
    throw invalidFlag(
      option,
      text,
      `neither ${INDEX_VARIABLES.join(" nor ")} is set`,
      { hint: "give the index, as I/N, where nothing sets one" },
    );
  }
  const value = env(name)!;
  if (!/^\d{1,9}$/.test(value)) {
    throw invalidFlag(
      option,
      text,
      `${name} is ${JSON.stringify(value.slice(0, 40))}, and no index`,
    );
  }
  // Not only the last task of an array from 1 on fails: nobody took part 0.
  const last = env("SLURM_ARRAY_TASK_MAX") ?? "";
  if (name === SLURM_INDEX && Number(last) >= count) {
    throw invalidFlag(
      option,
      text,
      `the job array goes to ${last.slice(0, 40)} (from SLURM_ARRAY_TASK_MAX)`,
      { hint: `count it from 0: --array=0-${count - 1}` },
    );
  }
  return checkShard({ index: Number(value), count }, option, text, name);
}

/**
 * Checks that there is such a part.
 *
 * @param given the value in errors
 * @param origin the variable that the index is from
 * @throws {HangarError} `usage`, naming option and value
 */
export function checkShard(
  shard: Shard,
  option: string,
  given: string,
  origin?: string,
): Shard {
  const { index, count } = shard;
  if (!Number.isInteger(count) || count < 1 || count > MAX_SHARDS) {
    throw invalidFlag(option, given, `want 1 to ${MAX_SHARDS} parts`);
  }
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw invalidFlag(
      option,
      given,
      `there is no part ${index}${
        origin === undefined ? "" : ` (from ${origin})`
      } of ${count}: want 0 to ${count - 1}`,
    );
  }
  return shard;
}

/** `3/8` */
export function formatShard({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * The part that a name falls to, by rendezvous hashing: each part gets a weight
 * for the name, and the heaviest takes it. So one more part takes from each of
 * the others what it is heavier for, and moves nothing else.
 */
export function shardOf(name: string, count: number): number {
  const hash = createHash("sha256").update(name).digest();
  const high = hash.readUInt32BE(0);
  const low = hash.readUInt32BE(4);
  let heaviest = 0;
  let most = -1;
  for (let part = 0; part < count; part++) {
    const weight = scramble(
      scramble(high ^ Math.imul(part + 1, 0x9e3779b1)) ^ low,
    );
    if (weight > most) {
      most = weight;
      heaviest = part;
    }
  }
  return heaviest;
}

/** The finalizer of MurmurHash3: each bit of the input changes half of all. */
function scramble(value: number): number {
  let bits = value ^ (value >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * The part of a planned list. All tasks of one destination repository are in
 * one part, since they share mounts, merges and lists of referrers. A line that
 * is no image falls to a part by its text.
 */
export function takeShard<L extends ImageList>(
  list: L,
  plan: MirrorPlan,
  { index, count }: Shard,
): { readonly list: L; readonly plan: MirrorPlan } {
  // What goes to several registries has one repository path in all of them: the
  // first registry stands for the others.
  const first = plan.tasks.find(({ place }) => place === 0)?.destination;
  const nameOf = ({ destination, place }: MirrorTask) => {
    const { registry } = (place ? first : undefined) ?? destination;
    return `${registry}/${destination.repository}`;
  };
  const parts = new Map<string, number>();
  const isOurs = (name: string) => {
    let part = parts.get(name);
    if (part === undefined) parts.set(name, part = shardOf(name, count));
    return part === index;
  };
  const tasks = plan.tasks.filter((task) => isOurs(nameOf(task)));
  const ids = new Set(tasks.map(({ id }) => id));
  const lines = new Set(tasks.flatMap((task) => task.lines));
  return {
    list: {
      ...list,
      entries: list.entries.filter(({ line }) => lines.has(line)),
      invalid: list.invalid.filter(({ text }) => isOurs(text.trim())),
    },
    plan: {
      ...plan,
      tasks,
      warnings: plan.warnings.filter(({ images }) =>
        images === undefined || images.some((id) => ids.has(id))
      ),
    },
  };
}
