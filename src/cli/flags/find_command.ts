/**
 * Which command the words of a command line name.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { HangarError, hideGiven } from "../../errors.ts";
import type { CommandSpec } from "./command_spec.ts";
import type { FlagSpec } from "./flags.ts";

/** Flags that every command or the root has. */
const BUILT_IN = ["-h", "--help", "-v", "--version"];

/** What {@linkcode findCommand} found. */
export interface FoundCommand<C> {
  /** The command, as far as its words are known. */
  readonly spec: CommandSpec<C>;
  /** Its words, such as `hangar mirror`. */
  readonly path: string;
  /** The first word that should name a command, and names none. */
  readonly unknown?: string;
  /** Whether `-v` or `--version` stands before any command. */
  readonly wantsVersion: boolean;
}

/** Finds the command, passing over flags and their values. */
export function findCommand<C>(
  root: CommandSpec<C>,
  words: readonly string[],
): FoundCommand<C> {
  const known = allFlags(root);
  let spec = root;
  let path = root.name;
  let wantsVersion = false;
  let afterUnknownFlag = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "--") break;
    if (word.startsWith("-") && word !== "-") {
      const flag = known.find(({ name, short }) =>
        word === `--${name}` || word === `-${short}`
      );
      const takesWord = flag !== undefined && flag.type !== "bool" &&
        flag.bare === undefined;
      if (takesWord) i++;
      const name = word.split("=")[0];
      afterUnknownFlag = word === name && flag === undefined &&
        !BUILT_IN.includes(word) &&
        !known.some(({ short }) => short && word.startsWith(`-${short}`));
      wantsVersion ||= spec === root &&
        (word === "-v" || word === "--version");
      continue;
    }
    const child = childOf(spec, word);
    if (child) {
      spec = child;
      path += ` ${child.name}`;
    } else {
      // After an unknown flag it may be the flag's value, and the flag is told.
      const isCommand = spec.subcommands?.length && !afterUnknownFlag &&
        spec.argument === undefined;
      return { spec, path, wantsVersion, ...isCommand && { unknown: word } };
    }
  }
  return { spec, path, wantsVersion };
}

function allFlags<C>(spec: CommandSpec<C>): FlagSpec[] {
  return [...spec.flags, ...(spec.subcommands ?? []).flatMap(allFlags)];
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
export function flagsAlong<C>(
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

/** The usage error for a word that names no command. */
export function unknownWord<C>(
  word: string,
  path: string,
  spec: CommandSpec<C>,
): HangarError {
  const near = nearest(
    word,
    (spec.subcommands ?? []).flatMap((c) => [c.name, ...c.aliases ?? []]),
  );
  const shown = JSON.stringify(hideGiven(word));
  const what = spec.subcommands?.length && !spec.run
    ? `unknown command ${shown} for "${path}"`
    : `unexpected argument ${shown} for "${path}"`;
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
