/**
 * A tree of commands on Commander, which reads the words; flags, help and
 * errors are ours, so that they are those of the manual.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { Command, CommanderError, Option } from "commander";
import { describeError, HangarError } from "../errors.ts";
import { ExitCode } from "./exit_code.ts";
import { type FlagSpec, FlagValues, normalizeArgs } from "./flags.ts";
import { renderHelp } from "./help.ts";

/** One command. */
export interface CommandSpec<C> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** The lines of the help's Usage. */
  readonly usage: readonly string[];
  readonly examples?: string;
  readonly flags: readonly FlagSpec[];
  readonly subcommands?: readonly CommandSpec<C>[];
  /** What the one word is called that the command wants; none without it. */
  readonly argument?: string;
  /** @default {false} */
  readonly argumentOptional?: boolean;
  /** What the command does; gives the exit code. Without it, help is shown. */
  readonly run?: (
    values: FlagValues,
    context: C,
    argument: string,
  ) => Promise<number>;
}

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
  try {
    const words = helpWords(args);
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
            message: explain(error),
          })
        }\n`
        : `${root.name}: ${explain(error)}\n`,
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

function childOf<C>(
  spec: CommandSpec<C>,
  word: string,
): CommandSpec<C> | undefined {
  return spec.subcommands?.find((child) =>
    child.name === word || child.aliases?.includes(word)
  );
}

/** The flags that the command named by the words knows. */
function flagsAlong<C>(
  root: CommandSpec<C>,
  words: readonly string[],
): FlagSpec[] {
  let spec = root;
  const flags = [...root.flags];
  for (const word of words) {
    const child = childOf(spec, word);
    if (!child) continue;
    spec = child;
    flags.push(...child.flags);
  }
  return flags;
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

function unknownWord<C>(
  word: string,
  path: string,
  spec: CommandSpec<C>,
): HangarError {
  const near = nearest(
    word,
    (spec.subcommands ?? []).flatMap((c) => [c.name, ...c.aliases ?? []]),
  );
  const what = spec.subcommands?.length && !spec.run
    ? `unknown command ${JSON.stringify(word)} for "${path}"`
    : `unexpected argument ${JSON.stringify(word)} for "${path}"`;
  return new HangarError("usage", what, {
    hint: near ? `did you mean ${near}?` : `see: ${path} --help`,
  });
}

function nearest(
  word: string,
  candidates: readonly string[],
): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = levenshteinDistance(word, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

function explain(error: unknown): string {
  if (!(error instanceof CommanderError)) return describeError(error);
  // Commander's "error: unknown option '--foo'\n(Did you mean --failed?)".
  return error.message.replace(/^error: /, "").replaceAll("option", "flag")
    .replace(/\n\((.*)\)$/, "; $1").replace(/\s+/g, " ")
    .replace(/ \[value\]| <value>/g, "");
}
