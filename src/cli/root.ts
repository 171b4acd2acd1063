/**
 * Where the command line begins.
 *
 * @module
 */

import { type CliContext, processContext } from "./context.ts";
import { unfitRuntime } from "./check_runtime.ts";
import { ExitCode } from "../run/exit_code.ts";
import { printVersion } from "./commands/version_command.ts";

/**
 * Runs hangar with command line arguments; gives the exit code: 0 all done, 1
 * some images failed, 2 wrong usage, 130 interrupted.
 */
export async function runCli(
  args: readonly string[],
  context: CliContext = processContext(),
): Promise<number> {
  try {
    return await run(args, context);
  } finally {
    await context.flush?.();
  }
}

async function run(
  args: readonly string[],
  context: CliContext,
): Promise<number> {
  // Scripts ask for the version often, so nothing more is loaded for it.
  const isVersion = ["version", "--version", "-v"].includes(args[0] ?? "");
  if (args.length === 1 && isVersion) return printVersion(context);
  const unfit = unfitRuntime(Deno.version.deno);
  if (unfit !== undefined) {
    context.stderr(`hangar: ${unfit}\n`);
    return ExitCode.usage;
  }
  const [{ root }, { runCommandTree }, { guardSpans }] = await Promise.all([
    import("./tree.ts"),
    import("./flags/command_tree.ts"),
    import("../machine/span_secrets.ts"),
  ]);
  await guardSpans((name) => context.env(name));
  if (args[0] === "complete") {
    const { answerCompletion } = await import(
      "./commands/completion_command.ts"
    );
    return await answerCompletion(root, args.slice(1), context);
  }
  return await runCommandTree(root, args, context);
}
