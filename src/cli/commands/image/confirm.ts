/**
 * Asking before something is lost.
 *
 * @module
 */

import { HangarError } from "../../../errors.ts";
import type { CliContext } from "../../context.ts";
import type { FlagSpec, FlagValues } from "../../flags/flags.ts";

/** `--auto-yes`: nothing is asked. */
export const AUTO_YES_FLAG: FlagSpec = {
  name: "auto-yes",
  short: "y",
  type: "bool",
  default: false,
  help: "answer yes automatically (used in shell script)",
};

/**
 * Asks a question, unless `--auto-yes` is given.
 *
 * @throws {HangarError} `usage` when the answer is no, or where there is no
 * terminal to ask on
 */
export async function confirm(
  question: string,
  values: FlagValues,
  { prompt }: Pick<CliContext, "prompt">,
): Promise<void> {
  if (values.bool("auto-yes")) return;
  const answer = await prompt(`${question} [y/N] `);
  if (answer === undefined) {
    throw new HangarError(
      "usage",
      `not done without an answer to: ${question}`,
      {
        hint: "there is no terminal to ask on: give --auto-yes",
      },
    );
  }
  if (isYes(answer)) return;
  throw new HangarError("usage", "not done: the answer was no");
}

/**
 * Asks before a file is overwritten, unless `--auto-yes` is given.
 *
 * @throws {HangarError} `usage` when it is to stay as it is
 */
export async function confirmOverwrite(
  file: string,
  values: FlagValues,
  { prompt }: Pick<CliContext, "prompt">,
): Promise<void> {
  if (values.bool("auto-yes")) return;
  if (await Deno.stat(file).catch(() => undefined) === undefined) return;
  const answer = await prompt(`${file} exists. Overwrite? [y/N] `);
  if (isYes(answer)) return;
  throw new HangarError("usage", `${file} exists and is left as it is`, {
    hint: "overwrite it with -y, or name another file",
  });
}

function isYes(answer: string | undefined): boolean {
  return /^y(es)?$/i.test(answer?.trim() ?? "");
}
