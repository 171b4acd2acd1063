/**
 * The policy that a program chooses.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { Env } from "../machine/certs_d.ts";
import {
  findPolicy,
  judgeBy,
  type MakeJudge,
  type PolicyText,
} from "../machine/policy_files.ts";
import { invalidOption } from "./check_options.ts";
import type { Policy } from "./options.ts";

/**
 * The function that makes the judge; undefined where everything is accepted.
 *
 * @throws {HangarError} `usage` or `file` when the policy cannot be read or
 * understood
 */
export async function policyOf(
  policy: Policy | undefined,
  env: Env,
): Promise<MakeJudge | undefined> {
  if (policy === "insecure") return undefined;
  const found = policy === undefined
    ? await findPolicy(env)
    : await givenPolicy(policy, env);
  return found && await judgeBy(found, env);
}

async function givenPolicy(
  policy: Exclude<Policy, "insecure">,
  env: Env,
): Promise<PolicyText | undefined> {
  // A typo must not turn the policy off.
  if (typeof policy !== "object" || policy === null) {
    throw invalidOption(
      "policy",
      policy,
      'want "insecure", { file } or { json }',
    );
  }
  if ("file" in policy) {
    return await findPolicy(env, { path: policy.file, option: "policy.file" });
  }
  const text = JSON.stringify(policy.json);
  if (text === undefined) {
    throw new HangarError("usage", "policy.json is not JSON");
  }
  return { text, name: "the policy option" };
}
