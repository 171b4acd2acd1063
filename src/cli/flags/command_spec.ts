/**
 * What a command of the tree is.
 *
 * @module
 */

import type { FlagSpec, FlagValues } from "./flags.ts";

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
  /** What `-v` and `--version` do; those are flags of the root alone. */
  readonly version?: (context: C) => number;
  /** What the command does; gives the exit code. Without it, help is shown. */
  readonly run?: (
    values: FlagValues,
    context: C,
    argument: string,
  ) => Promise<number>;
}
