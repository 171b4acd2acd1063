/**
 * A word where a command is expected, which names none.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { HangarError, hideGiven } from "../../errors.ts";
import {
  commandsBelow,
  type CommandSpec,
  placeChild,
  type PlacedCommand,
} from "./command_spec.ts";

/** How many commands a message suggests at most. */
const MAX_SUGGESTIONS = 3;
/** A word of this length may be the beginning of a command's name. */
const MIN_PREFIX = 3;

/** The usage error for a word that names no command, or is one too many. */
export function unknownWord<C>(
  word: string,
  command: PlacedCommand<C>,
): HangarError {
  const { spec, path } = command;
  const near = suggestions(word, command);
  const shown = JSON.stringify(hideGiven(word));
  const what = spec.subcommands?.length && !spec.run
    ? `unknown command ${shown} for "${path}"`
    : `unexpected argument ${shown} for "${path}"`;
  const elsewhere = Object.hasOwn(spec.elsewhere ?? {}, word)
    ? spec.elsewhere![word]
    : undefined;
  return new HangarError("usage", what, {
    hint: elsewhere ??
      (near.length > 0
        ? `did you mean ${alternatives(near)}?; see: ${path} --help`
        : `see: ${path} --help`),
  });
}

/**
 * The commands that may be meant, without the words before them: those below
 * that have the name, here or in other tools; else the child that is named
 * nearly so.
 */
function suggestions<C>(word: string, command: PlacedCommand<C>): string[] {
  const start = command.path.length + 1;
  const meant = commandsBelow(command).slice(1).filter(({ spec }) =>
    spec.name === word || spec.alsoCalled?.includes(word)
  ).map(({ path }) => path.slice(start)).slice(0, MAX_SUGGESTIONS);
  if (meant.length > 0) return meant;
  const children = (command.spec.subcommands ?? []).map((child) =>
    placeChild(command, child).spec
  );
  const near = nearest(word, children) ??
    children.find(({ name }) =>
      word.length >= MIN_PREFIX && name.startsWith(word.toLowerCase())
    );
  return near ? [near.name] : [];
}

function nearest<C>(
  word: string,
  children: readonly CommandSpec<C>[],
): CommandSpec<C> | undefined {
  let best: CommandSpec<C> | undefined;
  // Of a short word, most must be right.
  let least = Math.max(1, Math.min(2, word.length - 2), word.length / 3) + 1;
  for (const child of children) {
    const distance = levenshteinDistance(word.toLowerCase(), child.name);
    if (distance < Math.floor(least)) [best, least] = [child, distance];
  }
  return best;
}

/** `a`, `a or b`, `a, b or c` */
function alternatives(words: readonly string[]): string {
  const last = words.at(-1)!;
  return words.length === 1
    ? last
    : `${words.slice(0, -1).join(", ")} or ${last}`;
}
