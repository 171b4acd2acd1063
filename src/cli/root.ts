/**
 * The command tree.
 *
 * @module
 */

import { type CommandSpec, runCommandTree } from "./command_tree.ts";
import { type CliContext, processContext } from "./context.ts";
import { answerCompletion, completionCommand } from "./completion_command.ts";
import { convertListCommand } from "./convert_list_command.ts";
import { generateKeyCommand } from "./generate_key_command.ts";
import { inspectCommand } from "./inspect_command.ts";
import { listTagsCommand } from "./list_tags_command.ts";
import { loginCommand, logoutCommand } from "./login_command.ts";
import { mirrorCommand } from "./mirror_command.ts";
import { signCommand } from "./sign_command.ts";
import { versionCommand } from "./version_command.ts";

const root: CommandSpec<CliContext> = {
  name: "hangar",
  summary: "Mirror container images between registries",
  usage: ["hangar [command]"],
  flags: [
    {
      name: "debug",
      type: "bool",
      default: false,
      help: "enable debug output",
    },
    {
      name: "insecure-policy",
      type: "bool",
      default: false,
      help: "run Hangar without policy check",
    },
  ],
  subcommands: [
    completionCommand(() => root),
    convertListCommand,
    generateKeyCommand,
    inspectCommand,
    listTagsCommand,
    loginCommand,
    logoutCommand,
    mirrorCommand,
    signCommand,
    versionCommand,
  ],
};

/**
 * Runs hangar with command line arguments; gives the exit code: 0 all done, 1
 * some images failed, 2 wrong usage, 130 interrupted.
 */
export async function runCli(
  args: readonly string[],
  context: CliContext = processContext(),
): Promise<number> {
  if (args[0] === "complete") {
    return await answerCompletion(root, args.slice(1));
  }
  return await runCommandTree(root, args, context);
}
