/**
 * `hangar completion SHELL`, and the hidden `hangar complete` that its scripts
 * call.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { Shell } from "../flags/completion.ts";
import type { CliContext } from "../context.ts";

/** The command; `root` is asked when it runs, since it holds this command. */
export function completionCommand(
  root: () => CommandSpec<CliContext>,
): CommandSpec<CliContext> {
  return {
    name: "completion",
    summary: "Print a completion script for a shell",
    usage: ["hangar completion bash|zsh|fish|powershell"],
    examples: `# For this shell alone (bash needs the package bash-completion).
source <(hangar completion bash)`,
    argument: "SHELL",
    flags: [],
    run: async (_values, _context, argument) => {
      const { printScript, SHELLS } = await import("../flags/completion.ts");
      const isShell = (text: string): text is Shell =>
        SHELLS.some((shell) => shell === text);
      if (!isShell(argument)) {
        throw new HangarError(
          "usage",
          `${JSON.stringify(argument)} is not a shell that is known: want ${
            SHELLS.join(", ")
          }`,
        );
      }
      printScript(root(), argument);
      return 0;
    },
  };
}

/** Answers a completion script, which calls `hangar complete -- WORDS`. */
export async function answerCompletion(
  root: CommandSpec<CliContext>,
  words: readonly string[],
): Promise<number> {
  const { printCompletions } = await import("../flags/completion.ts");
  printCompletions(root, words[0] === "--" ? words.slice(1) : words);
  return 0;
}
