/**
 * Which command the words of a command line name, and with which flags.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import {
  commandsBelow,
  type CommandSpec,
  flagsOf,
  placeChild,
  type PlacedCommand,
  placeRoot,
} from "./command_spec.ts";
import { type FlagSpec, matchFlag, takesWord } from "./flags.ts";

/** A flag among the words. */
export interface GivenFlag {
  /** As typed, without its value: `--jobs` or `-j`. */
  readonly word: string;
  /** The first flag of the tree with this name; none for a typo. */
  readonly spec?: FlagSpec;
  /** Undefined for a switch without a value, and where the value is missing. */
  readonly value?: string;
}

/** What {@linkcode findCommand} found. */
export interface FoundCommand<C> {
  /** The command, as far as its words are known. */
  readonly command: PlacedCommand<C>;
  /** The first word that should name a command, but does not. */
  readonly unknown?: string;
  /** Whether `-v` or `--version` stands before any command. */
  readonly wantsVersion: boolean;
  /** Whether `-h` or `--help` is given. */
  readonly wantsHelp: boolean;
  /** The flags of all commands, in the order given. */
  readonly flags: readonly GivenFlag[];
  /** The words that are neither flags nor values nor commands. */
  readonly operands: readonly string[];
  /** The words without those that name the command. */
  readonly rest: readonly string[];
  /** The flag whose value would be the next word. */
  readonly awaits?: string;
}

/**
 * Finds the command. The flags of any command may stand before or after its
 * name, so a flag of one name takes a value in all commands or in none. Of a
 * letter, the command that is known so far decides.
 */
export function findCommand<C>(
  root: CommandSpec<C>,
  words: readonly string[],
): FoundCommand<C> {
  const known = commandsBelow(placeRoot(root)).flatMap(({ flags }) => flags);
  let command = placeRoot(root);
  let unknown: string | undefined;
  let awaits: string | undefined;
  let wantsVersion = false;
  let wantsHelp = false;
  let afterUnknownFlag = false;
  const flags: GivenFlag[] = [];
  const operands: string[] = [];
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") {
      operands.push(...words.slice(i + 1));
      rest.push(...words.slice(i));
      break;
    }
    if (word.startsWith("-") && word !== "-") {
      rest.push(word);
      afterUnknownFlag = false;
      if (!command.parent && (word === "-v" || word === "--version")) {
        wantsVersion = true;
        continue;
      }
      const match = matchFlag(word, flagsOf(command)) ?? matchFlag(word, known);
      if (match) {
        let { value } = match;
        if (value === undefined && takesWord(match.spec)) {
          value = words[++i];
          if (value === undefined) awaits = match.word;
          else rest.push(value);
        }
        flags.push({ ...match, value });
      } else if (word === "-h" || word === "--help") wantsHelp = true;
      else {
        afterUnknownFlag = !word.includes("=");
        flags.push({ word });
      }
      continue;
    }
    const child = operands.length === 0 && childOf(command.spec, word);
    if (child) {
      command = placeChild(command, child);
      continue;
    }
    const { spec } = command;
    // After an unknown flag, the word may be its value: the flag is reported.
    if (
      operands.length === 0 && spec.subcommands?.length && !afterUnknownFlag &&
      spec.argument === undefined
    ) unknown = word;
    operands.push(word);
    rest.push(word);
  }
  return {
    command,
    unknown,
    wantsVersion,
    wantsHelp,
    flags,
    operands,
    rest,
    awaits,
  };
}

function childOf<C>(
  spec: CommandSpec<C>,
  word: string,
): CommandSpec<C> | undefined {
  return spec.subcommands?.find((child) =>
    child.name === word || child.aliases?.includes(word)
  );
}

/**
 * Refuses a flag that other commands take and the found one does not. A flag
 * that no command takes is left to the parser, which knows the nearest one.
 *
 * @throws {HangarError} `usage`, naming flag and command
 */
export function refuseForeignFlag<C>(
  { command, flags }: Pick<FoundCommand<C>, "command" | "flags">,
): void {
  const taken = flagsOf(command);
  const wrong = flags.find(({ word }) => !matchFlag(word, taken));
  if (!wrong?.spec) return;
  const { parent, path, spec } = command;
  const isOfParent = matchFlag(wrong.word, parent?.flags ?? []) !== undefined;
  const why = isOfParent && spec.unlikeParent !== undefined
    ? `, which ${spec.unlikeParent}`
    : "";
  throw new HangarError(
    "usage",
    `${wrong.word} means nothing for "${path}"${why}`,
    { flag: wrong.word },
  );
}
