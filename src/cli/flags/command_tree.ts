/**
 * A tree of commands. Commander reads the flags of the command that is named.
 * The rest is our own: finding the command, its help, and the texts of errors,
 * which match the manual.
 *
 * @module
 */

import { Command, CommanderError, Option } from "commander";
import {
  describeError,
  HangarError,
  invalidFlag,
  printable,
} from "../../errors.ts";
import { ExitCode } from "../../run/exit_code.ts";
import {
  type CommandSpec,
  flagsOf,
  type PlacedCommand,
} from "./command_spec.ts";
import {
  findCommand,
  type FoundCommand,
  type GivenFlag,
  refuseForeignFlag,
} from "./find_command.ts";
import { checkChoice, FlagValues, normalizeArgs, takesWord } from "./flags.ts";
import { FlagVariables } from "./flag_variables.ts";
import { helpFor } from "./help.ts";
import { unknownWord } from "./unknown_word.ts";

export type { CommandSpec };

/** Where output goes, and where flags have their values from besides. */
export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
  /** A variable of the environment. @default {no variable is set} */
  env?(name: string): string | undefined;
}

/**
 * Runs the command that the arguments name; gives the exit code. The flags of
 * the root are global: every command takes them.
 */
export async function runCommandTree<C extends Output>(
  root: CommandSpec<C>,
  args: readonly string[],
  context: C,
): Promise<number> {
  // `help X` is `X --help`.
  const words = args[0] === "help" ? [...args.slice(1), "--help"] : args;
  const found = findCommand(root, words);
  const { command, unknown } = found;
  try {
    // An unknown command is reported before unknown flags.
    if (unknown !== undefined) throw unknownWord(unknown, command);
    if (found.wantsVersion && root.version) return root.version(context);
    if (found.wantsHelp) {
      context.stdout(helpFor(command));
      return ExitCode.done;
    }
    refuseForeignFlag(found);
    return await runFound(root, found, context);
  } catch (error) {
    const message = explain(error, command.path);
    context.stderr(
      wantsJson(found.flags)
        ? `${
          JSON.stringify({
            time: new Date().toISOString(),
            level: "error",
            message,
          })
        }\n`
        : `${root.name}: ${message}\n`,
    );
    const isUsage = error instanceof CommanderError ||
      error instanceof HangarError &&
        (error.code === "usage" || error.code === "key");
    return isUsage ? ExitCode.usage : ExitCode.someFailed;
  }
}

async function runFound<C extends Output>(
  root: CommandSpec<C>,
  { command, rest }: FoundCommand<C>,
  context: C,
): Promise<number> {
  const { spec, path } = command;
  const flags = flagsOf(command);
  const values = new FlagValues(flags);
  const [argument, ...more] = argumentsOf(
    command,
    readFlags(rest, values, flags),
  );
  const word = spec.argument?.many ? undefined : more[0];
  if (word !== undefined) throw unknownWord(word, command);
  if (!spec.run) {
    context.stdout(helpFor(command));
    return ExitCode.done;
  }
  const variables = new FlagVariables(flags);
  try {
    variables.fill(values, (name) => context.env?.(name));
    const missing = argument === undefined
      ? spec.argument!.name
      : flags.filter(({ name, required }) => required && !values.given(name))
        .map(({ name }) => `--${name}`)[0];
    if (missing !== undefined) {
      throw new HangarError("usage", `${missing} is missing`, {
        hint: `see: ${path} --help`,
      });
    }
    const empty = flags.find(({ name, required, refusesEmpty = required }) =>
      refusesEmpty && values.string(name) === ""
    );
    if (empty) throw invalidFlag(`--${empty.name}`, "", "it is empty");
    return await spec.run(
      values,
      await root.prepare?.(values, context, path) ?? context,
      argument ?? "",
      more,
    );
  } catch (error) {
    throw variables.name(error);
  }
}

/** Reads the flags; gives the other words. */
function readFlags(
  words: readonly string[],
  values: FlagValues,
  flags: PlacedCommand<unknown>["flags"],
): readonly string[] {
  const parser = new Command()
    .exitOverride()
    .configureOutput({ writeOut: () => {}, writeErr: () => {} })
    .helpOption("-h, --help")
    .allowExcessArguments(true);
  for (const flag of flags) {
    const word = takesWord(flag) ? "<value>" : "[value]";
    const short = flag.short ? `-${flag.short}, ` : "";
    parser.addOption(
      new Option(`${short}--${flag.name} ${word}`).argParser(
        (value: string) => values.add(flag.name, value),
      ),
    );
  }
  parser.parse(normalizeArgs(words, flags), { from: "user" });
  return parser.args;
}

/**
 * The argument, and the words after it.
 *
 * @returns the argument: `""` when the command needs none, undefined when a
 * needed one is missing
 * @throws {HangarError} `usage` for a value that is not one of the choices
 */
function argumentsOf<C>(
  { spec: { argument } }: PlacedCommand<C>,
  words: readonly string[],
): readonly [argument: string | undefined, ...more: string[]] {
  if (!argument) return ["", ...words];
  const [value, ...more] = words;
  if (value === undefined) return [argument.optional ? "" : undefined];
  checkChoice(argument.name, value, argument.choices);
  return [value, ...more];
}

/**
 * Whether errors are written as JSON. This is known even when parsing failed.
 */
function wantsJson(flags: readonly GivenFlag[]): boolean {
  return flags.findLast(({ spec }) => spec?.name === "log-format")?.value ===
    "json";
}

/** @param path the command, such as `hangar mirror` */
function explain(error: unknown, path: string): string {
  if (!(error instanceof CommanderError)) {
    const wantsHelp = error instanceof HangarError && error.flag !== undefined;
    return `${describeError(error)}${wantsHelp ? `; see: ${path} --help` : ""}`;
  }
  // Commander's "error: unknown option '--foo'\n(Did you mean --failed?)".
  const text = error.message.replace(/^error: /, "")
    .replaceAll("option", "flag").replace(/\n\(Did (.*)\)$/, "; did $1")
    .replace(/\s+/g, " ").replace(/ \[value\]| <value>/g, "");
  return `${printable(text)}; see: ${path} --help`;
}
