/**
 * Shell completion: scripts for the shells, and the answers to their questions.
 *
 * @module
 */

import { RootCommand } from "@bomb.sh/tab";
import { bashScript } from "./bash_script.ts";
import type { CommandSpec } from "../flags/command_spec.ts";
import { findCommand } from "../flags/find_command.ts";
import { type FlagSpec, matchFlag } from "../flags/flags.ts";
import type { Shell } from "./shells.ts";

/** What may come next. */
export interface Completions {
  /** The words, each with what it means. */
  readonly words: readonly (readonly [word: string, meaning: string])[];
  /**
   * Whether the shell completes the names of files, as it does by itself.
   *
   * @default {false}
   */
  readonly files?: boolean;
}

/** The directives of the scripts, the same as cobra's. */
const DIRECTIVE = { files: ":0", noFiles: ":4" } as const;

/** Prints the script that makes a shell ask `hangar complete`. */
export function printScript(name: string, shell: Shell): void {
  if (shell === "bash") console.log(bashScript(name).trimEnd());
  else new RootCommand().setup(name, name, shell);
}

/** Completions as the scripts read them. */
export function formatCompletions({ words, files }: Completions): string {
  return [
    ...words.map(([word, meaning]) => `${word}\t${meaning}`),
    files ? DIRECTIVE.files : DIRECTIVE.noFiles,
  ].map((line) => `${line}\n`).join("");
}

/**
 * What may come next.
 *
 * @param words the words so far; the last one is being typed, and may be empty
 */
export function completionsFor<C>(
  root: CommandSpec<C>,
  words: readonly string[],
): Completions {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { command, operands, awaits } = findCommand(root, before);
  const { spec } = command;
  const flags = [...command.globalFlags, ...command.flags];
  if (awaits !== undefined) {
    return valuesOf(matchFlag(awaits, flags)?.spec, typed);
  }
  if (typed.startsWith("-") && !before.includes("--")) {
    const equals = typed.indexOf("=");
    return equals < 0
      ? { words: flags.flatMap(namesOf).filter(([w]) => w.startsWith(typed)) }
      // The scripts put the flag before the value themselves.
      : valuesOf(matchFlag(typed, flags)?.spec, typed.slice(equals + 1));
  }
  if (operands.length > 0 && !spec.argument?.many) return { words: [] };
  if (spec.argument?.isFile) return { words: [], files: true };
  const commands = (spec.subcommands ?? []).map((child) =>
    [child.name, child.summary] as const
  );
  const choices = (spec.argument?.choices ?? []).map((choice) =>
    [choice, ""] as const
  );
  return {
    words: [...commands, ...choices].filter(([word]) => word.startsWith(typed)),
  };
}

function namesOf({ name, short, help }: FlagSpec) {
  const names = short ? [`-${short}`, `--${name}`] : [`--${name}`];
  return names.map((word) => [word, help] as const);
}

function valuesOf(flag: FlagSpec | undefined, typed: string): Completions {
  if (flag?.isFile) return { words: [], files: true };
  // Of a list, the last item is being typed.
  const before = flag?.type === "strings"
    ? typed.slice(0, typed.lastIndexOf(",") + 1)
    : "";
  const given = before.split(",");
  return {
    words: (flag?.choices ?? flag?.suggested ??
      (flag?.type === "bool" ? ["true", "false"] : []))
      .filter((value) => !given.includes(value))
      .map((value) => before + value)
      .filter((value) => value.startsWith(typed))
      .map((value) => [value, ""] as const),
  };
}
