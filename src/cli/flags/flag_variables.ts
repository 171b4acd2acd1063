/**
 * Variables that set flags: `HANGAR_MAX_PER_HOST` sets `--max-per-host`.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { HangarError } from "../../errors.ts";
import { type FlagSpec, type FlagValues, namesOf } from "./flags.ts";

const PREFIX = "HANGAR_";

/** The variable that sets a flag; undefined where none does. */
export function variableOf(
  { name, variable }: Pick<FlagSpec, "name" | "variable">,
): string | undefined {
  return variable === undefined ? byName(name) : variable ?? undefined;
}

function byName(name: string): string {
  return PREFIX + name.toUpperCase().replaceAll("-", "_");
}

/** The variables of a command's flags. */
export class FlagVariables {
  readonly #flags: readonly FlagSpec[];
  /** The flags whose values are from variables. */
  readonly #filled = new Set<FlagSpec>();

  constructor(flags: readonly FlagSpec[]) {
    this.#flags = flags;
  }

  /**
   * Gives the flags that the command line did not give their values from the
   * environment. A variable that is empty counts as unset.
   *
   * @throws {HangarError} `usage`, naming the flag and the value
   */
  fill(values: FlagValues, env: (name: string) => string | undefined): void {
    const isGiven = (flag: FlagSpec) => values.given(flag.name);
    const given = this.#flags.filter(isGiven);
    const replaced = new Set([
      ...given.flatMap(({ insteadOf = [] }) => insteadOf),
      ...this.#flags.filter(({ insteadOf = [] }) =>
        given.some(({ name }) => insteadOf.includes(name))
      ).map(({ name }) => name),
    ]);
    for (const flag of this.#flags) {
      const variable = variableOf(flag);
      const value = variable && env(variable) || undefined;
      if (value === undefined || isGiven(flag) || replaced.has(flag.name)) {
        continue;
      }
      this.#filled.add(flag);
      values.add(flag.name, value);
    }
  }

  /** The same usage error, with the variable named beside its flag. */
  name(error: unknown): unknown {
    if (!(error instanceof HangarError) || error.code !== "usage") return error;
    let { message } = error;
    for (const flag of this.#filled) {
      message = message.replace(
        new RegExp(`--${flag.name}(?![\\w-])`),
        (word) => `${word} (${variableOf(flag)})`,
      );
    }
    if (message === error.message) return error;
    const { hint, flag } = error;
    return new HangarError("usage", message, { cause: error, hint, flag });
  }
}

/**
 * What to say of variables that are nearly those of a flag, and so are probably
 * typos. Others may be another program's: Kubernetes itself sets `HANGAR_PORT`
 * where a service is named hangar.
 *
 * @param names all variables of the environment
 * @param flags the flags of all commands
 */
export function misspeltVariables(
  names: readonly string[],
  flags: readonly FlagSpec[],
): string[] {
  const known = new Set(
    flags.flatMap((flag) =>
      [
        variableOf(flag) ?? [],
        ...namesOf(flag).map(byName),
      ].flat()
    ),
  );
  return names.filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .flatMap((name) => {
      const near = [...known].find((one) =>
        one.length > PREFIX.length + 3 && levenshteinDistance(one, name) === 1
      );
      return near === undefined
        ? []
        : [`${name} sets no flag; did you mean ${near}?`];
    });
}
