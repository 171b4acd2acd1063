/**
 * A tree of commands on Commander, which reads the words; flags, help and
 * errors are ours, so that they are those of the manual.
 *
 * @module
 */

import { Command, CommanderError, Option } from "commander";
import { describeError, HangarError, printable } from "../../errors.ts";
import { findCommand, flagsAlong, unknownWord } from "./find_command.ts";
import { ExitCode } from "../exit_code.ts";
import type { CommandSpec } from "./command_spec.ts";
import { FlagValues, normalizeArgs } from "./flags.ts";
import { renderHelp } from "./help.ts";

export type { CommandSpec };

/** Where output goes. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
}

/**
 * Runs the command that the arguments name; gives the exit code. The flags of
 * the root are global: they may stand before or after any word.
 */
export async function runCommandTree<C extends Output>(
  root: CommandSpec<C>,
  args: readonly string[],
  context: C,
): Promise<number> {
  let exitCode = 0;
  // A flag of a command may stand before or after the word of its sub-command,
  // and Commander hands it to whichever reads it first: one store serves all.
  const given = new Map<string, string[]>();
  const build = (
    spec: CommandSpec<C>,
    parents: readonly CommandSpec<C>[],
  ): Command => {
    const path = [...parents, spec].map((s) => s.name).join(" ");
    const own = new Set(spec.flags.map((flag) => flag.name));
    const inherited = parents.flatMap((parent) => parent.flags)
      .filter((flag) => !own.has(flag.name));
    const values = new FlagValues([...inherited, ...spec.flags], given);
    const command = new Command(spec.name)
      .aliases([...spec.aliases ?? []])
      .exitOverride()
      .configureOutput({ writeOut: () => {}, writeErr: () => {} })
      .helpOption("-h, --help")
      .helpCommand(false)
      .allowExcessArguments(true);
    for (const flag of [...inherited, ...spec.flags]) {
      const word = flag.type === "bool" || flag.bare !== undefined
        ? "[value]"
        : "<value>";
      const short = flag.short ? `-${flag.short}, ` : "";
      command.addOption(
        new Option(`${short}--${flag.name} ${word}`).argParser(
          (value: string) => values.add(flag.name, value),
        ),
      );
    }
    command.helpInformation = () =>
      renderHelp({
        path,
        summary: spec.summary,
        usage: spec.usage,
        examples: spec.examples,
        commands: spec.subcommands ?? [],
        flags: spec.flags,
        globalFlags: inherited,
        hasVersion: spec.version !== undefined,
      });
    const children = (spec.subcommands ?? []).map((child) =>
      build(child, [...parents, spec])
    );
    for (const child of children) command.addCommand(child);
    command.action(async () => {
      const words = [...command.args];
      const argument = spec.argument === undefined
        ? ""
        : words.shift() ?? (spec.argumentOptional ? "" : undefined);
      const [word] = words;
      if (word !== undefined) throw unknownWord(word, path, spec);
      if (!spec.run) {
        context.stdout(command.helpInformation());
        return;
      }
      if (argument === undefined) {
        throw new HangarError("usage", `${spec.argument} is missing`, {
          hint: `see: ${path} --help`,
        });
      }
      const missing = [...inherited, ...spec.flags].find((flag) =>
        flag.required && !values.given(flag.name)
      );
      if (missing) {
        throw new HangarError("usage", `--${missing.name} is missing`, {
          hint: `see: ${path} --help`,
        });
      }
      exitCode = await spec.run(values, context, argument);
    });
    return command;
  };
  const program = build(root, []);
  const words = helpWords(args);
  let path = root.name;
  try {
    const found = findCommand(root, words);
    path = found.path;
    // An unknown command is told before its unknown flags.
    if (found.unknown !== undefined) {
      throw unknownWord(found.unknown, path, found.spec);
    }
    if (found.wantsVersion && root.version) return root.version(context);
    const specs = flagsAlong(root, words);
    await program.parseAsync(normalizeArgs(words, specs), { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.code === "commander.help") {
      return 0;
    }
    if (
      error instanceof CommanderError &&
      error.code === "commander.helpDisplayed"
    ) {
      context.stdout(helpFor(program, args));
      return 0;
    }
    const isJson = given.get("log-format")?.at(-1) === "json";
    context.stderr(
      isJson
        ? `${
          JSON.stringify({
            time: new Date().toISOString(),
            level: "error",
            message: explain(error, path),
          })
        }\n`
        : `${root.name}: ${explain(error, path)}\n`,
    );
    const isUsage = error instanceof CommanderError ||
      error instanceof HangarError &&
        (error.code === "usage" || error.code === "key");
    return isUsage ? ExitCode.usage : ExitCode.someFailed;
  }
}

/** `help X` is `X --help`. */
function helpWords(args: readonly string[]): string[] {
  return args[0] === "help" ? [...args.slice(1), "--help"] : [...args];
}

function helpFor(program: Command, args: readonly string[]): string {
  let command = program;
  for (const word of helpWords(args)) {
    command = command.commands.find((child) =>
      child.name() === word || child.aliases().includes(word)
    ) ?? command;
  }
  return command.helpInformation();
}

/** @param path the command, such as `hangar mirror` */
function explain(error: unknown, path: string): string {
  if (!(error instanceof CommanderError)) {
    const wantsHelp = error instanceof HangarError &&
      error.flag !== undefined && error.hint === undefined;
    return `${describeError(error)}${wantsHelp ? `; see: ${path} --help` : ""}`;
  }
  // Commander's "error: unknown option '--foo'\n(Did you mean --failed?)".
  const text = error.message.replace(/^error: /, "")
    .replaceAll("option", "flag").replace(/\n\(Did (.*)\)$/, "; did $1")
    .replace(/\s+/g, " ").replace(/ \[value\]| <value>/g, "");
  return `${printable(text)}; see: ${path} --help`;
}
