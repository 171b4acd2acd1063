/**
 * The flags that say which policy is in force.
 *
 * @module
 */

import {
  findPolicy,
  judgeBy,
  type MakeJudge,
} from "../../machine/policy_files.ts";
import type { CliContext } from "../context.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";

/** Flags of every command that follows a policy. */
export const POLICY_FLAGS: readonly FlagSpec[] = [
  {
    name: "policy",
    type: "string",
    isFile: true,
    refusesEmpty: true,
    help: "policy file, in place of the user's or the system's policy.json",
  },
];

/**
 * The policy that is in force; undefined when there is none.
 *
 * @throws {HangarError} `usage` or `file` when it cannot be read or understood
 */
export async function loadPolicy(
  values: FlagValues,
  context: Pick<CliContext, "env">,
): Promise<MakeJudge | undefined> {
  if (values.bool("insecure-policy")) return undefined;
  const path = values.string("policy");
  const env = (name: string) => context.env(name);
  const policy = await findPolicy(
    env,
    path ? { path, option: "--policy" } : undefined,
  );
  return policy && await judgeBy(policy, env);
}
