/**
 * Shell completion: scripts for the shells, and the answers they ask for.
 *
 * @module
 */

import { RootCommand } from "@bomb.sh/tab";
import type { CommandSpec } from "./command_tree.ts";
import type { FlagSpec } from "./flags.ts";

/** The shells that there are scripts for. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];

/** Flags whose value is the name of a file. */
const FILE_FLAGS = new Set([
  "file",
  "failed",
  "report",
  "identity-token",
  "input",
  "output",
  "passphrase-file",
  "sigstore-passphrase-file",
  "sigstore-private-key",
  "sigstore-pubkey",
]);

/** Tells the shell to complete file names, as it does by itself. */
const COMPLETE_FILES = ":0";

/** Prints the script that makes a shell ask `hangar complete`. */
export function printScript<C>(root: CommandSpec<C>, shell: Shell): void {
  describe(root).setup(root.name, root.name, shell);
}

/** Prints what may come next after the words typed so far. */
export function printCompletions<C>(
  root: CommandSpec<C>,
  words: readonly string[],
): void {
  const previous = words.at(-2) ?? "";
  const isFile = flagsOf(root).some((flag) =>
    FILE_FLAGS.has(flag.name) &&
    (previous === `--${flag.name}` || previous === `-${flag.short}`)
  );
  if (isFile) console.log(COMPLETE_FILES);
  else describe(root).parse([...words]);
}

function flagsOf<C>(spec: CommandSpec<C>): FlagSpec[] {
  return [...spec.flags, ...(spec.subcommands ?? []).flatMap(flagsOf)];
}

function describe<C>(root: CommandSpec<C>): RootCommand {
  const tree = new RootCommand();
  addFlags(tree, root.flags);
  const addCommands = (
    spec: CommandSpec<C>,
    path: string,
    inherited: readonly FlagSpec[],
  ): void => {
    for (const child of spec.subcommands ?? []) {
      const name = `${path}${child.name}`;
      const flags = new Map(
        [...inherited, ...child.flags].map((flag) => [flag.name, flag]),
      );
      addFlags(tree.command(name, child.summary), [...flags.values()]);
      addCommands(child, `${name} `, [...flags.values()]);
    }
  };
  addCommands(root, "", root.flags);
  return tree;
}

function addFlags(
  command: Pick<RootCommand, "option">,
  flags: readonly FlagSpec[],
): void {
  for (const flag of flags) {
    if (flag.type === "bool" || flag.bare !== undefined) {
      command.option(flag.name, flag.help);
      continue;
    }
    const values = valuesOf(flag);
    command.option(flag.name, flag.help, (complete) => {
      for (const value of values) complete(value, "");
    }, flag.short);
  }
}

/** Values worth offering. */
function valuesOf({ name }: FlagSpec): readonly string[] {
  switch (name) {
    case "arch":
    case "override-arch":
      return ["amd64", "arm64", "arm/v7", "s390x", "ppc64le", "riscv64", "all"];
    case "platform":
      return ["linux/amd64", "linux/arm64", "linux/arm/v7", "all"];
    case "os":
    case "override-os":
      return ["linux", "windows", "all"];
    case "format":
      return ["text", "json"];
    default:
      return [];
  }
}
