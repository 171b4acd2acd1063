/**
 * `hangar completion SHELL`, and the hidden `hangar complete` that its scripts
 * call.
 *
 * @module
 */

import type { CommandSpec } from "../flags/command_tree.ts";
import { SHELLS } from "../completion/shells.ts";
import type { CliContext } from "../context.ts";

/** The command. */
export const completionCommand: CommandSpec<CliContext> = {
  name: "completion",
  summary: "Print a completion script for a shell",
  usage: [`hangar completion ${SHELLS.join("|")}`],
  examples: `# For this shell alone: in bash, in zsh, and in fish.
source <(hangar completion bash)
autoload -Uz compinit; compinit; source <(hangar completion zsh)
hangar completion fish | source

# For every new shell of yours: the same line in ~/.bashrc or ~/.zshrc.
echo 'source <(hangar completion bash)' >> ~/.bashrc`,
  argument: { name: "SHELL", choices: SHELLS },
  flags: [],
  run: async (_values, _context, argument) => {
    const { printScript } = await import("../completion/completion.ts");
    const shell = SHELLS.find((name) => name === argument);
    if (shell) printScript("hangar", shell);
    return 0;
  },
};

/** Answers a completion script, which calls `hangar complete -- WORDS`. */
export async function answerCompletion(
  root: CommandSpec<CliContext>,
  words: readonly string[],
  context: Pick<CliContext, "stdout">,
): Promise<number> {
  const { completionsFor, formatCompletions } = await import(
    "../completion/completion.ts"
  );
  const typed = words[0] === "--" ? words.slice(1) : words;
  context.stdout(formatCompletions(completionsFor(root, typed)));
  return 0;
}
