/**
 * The description of a command of the tree.
 *
 * @module
 */

import type { FlagSpec, FlagValues } from "./flags.ts";

/** The word that a command takes in addition to its flags. */
export interface ArgumentSpec {
  /** Its name in help and errors, such as `REF`. */
  readonly name: string;
  /** @default {false} */
  readonly optional?: boolean;
  /** Whether more of them may follow. @default {false} */
  readonly many?: boolean;
  /** Whether it is the name of a file. @default {false} */
  readonly isFile?: boolean;
  /** The values that it may have; any without it. */
  readonly choices?: readonly string[];
}

/** One command. */
export interface CommandSpec<C> {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What other tools call it: suggested to who types it, but never run. */
  readonly alsoCalled?: readonly string[];
  /** Commands of other tools that it lacks, each with what to use instead. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  readonly summary: string;
  /** The lines of the help's Usage. */
  readonly usage: readonly string[];
  readonly examples?: string;
  /** What the help says after the flags. */
  readonly epilogue?: string;
  /**
   * Exactly the flags that it takes; those of the root go with every command.
   * Nothing is inherited from a parent: a sub-command that takes the flags of
   * its parent lists them too.
   */
  readonly flags: readonly FlagSpec[];
  /**
   * How it differs from its parent, such as `writes nothing`. This is the
   * reason given when a flag of the parent is refused.
   */
  readonly unlikeParent?: string;
  readonly subcommands?: readonly CommandSpec<C>[];
  /** The word that the command wants; none without it. */
  readonly argument?: ArgumentSpec;
  /** What `-v` and `--version` do; those are flags of the root alone. */
  readonly version?: (context: C) => number;
  /**
   * Makes the context that a command is given; of the root alone.
   *
   * @param path the words of the command, such as `hangar mirror`
   */
  readonly prepare?: (
    values: FlagValues,
    context: C,
    path: string,
  ) => Promise<C>;
  /**
   * What the command does; gives the exit code. Without it, help is shown.
   *
   * @param argument `""` when none was given
   * @param more those after the first one
   */
  readonly run?: (
    values: FlagValues,
    context: C,
    argument: string,
    more: readonly string[],
  ) => Promise<number>;
}

/** A command, and where it stands in the tree. */
export interface PlacedCommand<C> {
  readonly spec: CommandSpec<C>;
  /** Its words, such as `hangar mirror validate`. */
  readonly path: string;
  /** None for the root. */
  readonly parent?: CommandSpec<C>;
  /** Its own flags. */
  readonly flags: readonly FlagSpec[];
  /** The flags of the root that it takes too; none for the root itself. */
  readonly globalFlags: readonly FlagSpec[];
}

/** All flags that a command takes. */
export function flagsOf<C>(
  { flags, globalFlags }: PlacedCommand<C>,
): readonly FlagSpec[] {
  return [...globalFlags, ...flags];
}

/** The root of a tree, placed. */
export function placeRoot<C>(root: CommandSpec<C>): PlacedCommand<C> {
  return { spec: root, path: root.name, flags: root.flags, globalFlags: [] };
}

/** A sub-command, placed below a command of the same tree. */
export function placeChild<C>(
  { spec, path, parent, flags, globalFlags }: PlacedCommand<C>,
  child: CommandSpec<C>,
): PlacedCommand<C> {
  const own = new Set(child.flags.map(({ name }) => name));
  return {
    spec: child,
    path: `${path} ${child.name}`,
    parent: spec,
    flags: child.flags,
    globalFlags: (parent ? globalFlags : flags).filter(({ name }) =>
      !own.has(name)
    ),
  };
}

/** A command and all below it, parents first. */
export function commandsBelow<C>(
  command: PlacedCommand<C>,
): PlacedCommand<C>[] {
  return [
    command,
    ...(command.spec.subcommands ?? []).flatMap((child) =>
      commandsBelow(placeChild(command, child))
    ),
  ];
}
