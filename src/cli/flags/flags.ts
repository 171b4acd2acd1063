/**
 * Flags as data, parsed the way Go's pflag does.
 *
 * @module
 */

import { type HangarError, invalidFlag } from "../../errors.ts";
import { parseDuration } from "../../duration.ts";

/** The types that the help listing names. */
export type FlagType = "strings" | "string" | "int" | "duration" | "bool";

/** One flag. */
export interface FlagSpec {
  /** Without the dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /**
   * The variable that sets it, where other commands have a flag of this name for
   * something else; null for none.
   *
   * @default {HANGAR_ and its name}
   */
  readonly variable?: string | null;
  /** Further names, such as those that other commands have for it. */
  readonly alsoNamed?: readonly string[];
  /** One more letter, which scripts for Go hangar have for it. */
  readonly alsoShort?: string;
  readonly type: FlagType;
  readonly help: string;
  /**
   * The default, as the help shows it; a bool without one is undefined until
   * given.
   */
  readonly default?: string | number | boolean | readonly string[];
  /**
   * The value of a string flag that is given without one. Such a flag never
   * takes the next word as its value.
   */
  readonly bare?: string;
  /**
   * The values that a string flag, or each item of a list flag, may have; any
   * without it.
   */
  readonly choices?: readonly string[];
  /** Values that a shell offers; others are allowed too. */
  readonly suggested?: readonly string[];
  /**
   * Whether the value is the name of a file.
   *
   * @default {false}
   */
  readonly isFile?: boolean;
  /** @default {false} */
  readonly required?: boolean;
  /**
   * Whether an empty value is refused: it comes of a variable of a script that
   * is not set, and must not turn off what the flag is given for.
   *
   * @default {whether the flag is required}
   */
  readonly refusesEmpty?: boolean;
  /**
   * Flags that it is given in place of. On the command line, it and they have
   * precedence over each other's variables.
   */
  readonly insteadOf?: readonly string[];
  /**
   * Whether a string flag may be given several times, or with a comma list.
   *
   * @default {false}: the last one counts
   */
  readonly many?: boolean;
}

const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

function invalid(flag: FlagSpec, value: string, want: string): HangarError {
  return invalidFlag(`--${flag.name}`, value, `want ${want}`);
}

function parseValue(
  flag: FlagSpec,
  value: string,
): string | number | boolean | readonly string[] {
  switch (flag.type) {
    case "string":
      checkChoice(`--${flag.name}`, value, flag.choices);
      return value;
    case "strings": {
      const items = value.split(",");
      for (const item of items) {
        checkChoice(`--${flag.name}`, item, flag.choices);
      }
      return items;
    }
    case "int":
      if (!/^[+-]?\d{1,15}$/.test(value)) {
        throw invalid(flag, value, "a whole number");
      }
      return Number(value);
    case "duration": {
      const ms = parseDuration(value);
      if (ms === undefined) {
        throw invalid(flag, value, "a duration such as 90s or 10m0s");
      }
      return ms;
    }
    case "bool":
      if (TRUE.includes(value)) return true;
      if (FALSE.includes(value)) return false;
      throw invalid(flag, value, "true or false");
  }
}

/**
 * Refuses a value that is none of the choices.
 *
 * @param what the flag with its dashes, or the name of an argument
 * @param choices any value will do without them
 * @throws {HangarError} `usage`, naming flag and value
 */
export function checkChoice(
  what: string,
  value: string,
  choices: readonly string[] | undefined,
): void {
  if (!choices || choices.includes(value)) return;
  const wanted = choices.join(choices.length === 2 ? " or " : ", ");
  throw invalidFlag(what, value, `want ${wanted}`);
}

/** The values of a command's flags, by name and type. */
export class FlagValues {
  readonly #specs: ReadonlyMap<string, FlagSpec>;
  readonly #given = new Map<string, string[]>();

  constructor(specs: readonly FlagSpec[]) {
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]));
  }

  /** Whether the command takes a flag. */
  takes(name: string): boolean {
    return this.#specs.has(name);
  }

  /**
   * Takes the value that the command line, or a variable, gave for a flag.
   *
   * @throws {HangarError} `usage`, naming flag and value
   */
  add(name: string, value: string): void {
    parseValue(this.#spec(name), value);
    this.#given.set(name, [...(this.#given.get(name) ?? []), value]);
  }

  /** Whether a flag was given, on the command line or by its variable. */
  given(name: string): boolean {
    return this.#given.has(name);
  }

  /** All values of a list flag, in the order given. */
  strings(name: string): readonly string[] {
    const given = this.#given.get(name);
    if (given) return given.flatMap((value) => value.split(","));
    const fallback = this.#spec(name).default;
    return Array.isArray(fallback) ? fallback : [];
  }

  /** All values of a string flag that may have several, in the order given. */
  texts(name: string): readonly string[] {
    return (this.#given.get(name) ?? []).flatMap((value) => value.split(","));
  }

  /** The text of a flag; undefined when it was not given and has no default. */
  string(name: string): string | undefined {
    const value = this.#last(name);
    return typeof value === "string" ? value : undefined;
  }

  /**
   * The value of a flag that has choices; undefined when it was not given and
   * has no default, or its default is none of them.
   *
   * @param choices those of the flag
   */
  choice<T extends string>(
    name: string,
    choices: readonly T[],
  ): T | undefined {
    const value = this.string(name);
    return choices.find((choice) => choice === value);
  }

  /** The number of an int flag. */
  int(name: string): number {
    return Number(this.#last(name) ?? 0);
  }

  /** A duration in ms. */
  durationMs(name: string): number {
    const value = this.#last(name);
    return typeof value === "number" ? value : parseDuration(`${value}`) ?? 0;
  }

  /** A switch. */
  bool(name: string): boolean {
    return this.#last(name) === true;
  }

  /** A switch; undefined when it was not given. */
  optionalBool(name: string): boolean | undefined {
    return this.given(name) ? this.bool(name) : undefined;
  }

  #last(name: string) {
    const spec = this.#spec(name);
    const value = this.#given.get(name)?.at(-1);
    return value === undefined ? spec.default : parseValue(spec, value);
  }

  #spec(name: string): FlagSpec {
    const spec = this.#specs.get(name);
    if (!spec) throw new Error(`no flag --${name} is declared`);
    return spec;
  }
}

/** All names of a flag, without dashes; its own is the first. */
export function namesOf({ name, alsoNamed = [] }: FlagSpec): string[] {
  return [name, ...alsoNamed];
}

/** All letters of a flag, without dashes. */
export function lettersOf({ short, alsoShort }: FlagSpec): string[] {
  return [short, alsoShort].flatMap((letter) => letter ?? []);
}

/** Whether a flag's value may be the word after it. */
export function takesWord({ type, bare }: FlagSpec): boolean {
  return type !== "bool" && bare === undefined;
}

/** A word that begins with a dash, parsed. */
export interface FlagWord {
  /** The flag as typed, without its value: `--jobs` or `-j`. */
  readonly word: string;
  readonly spec: FlagSpec;
  /** The value in the same word, as in `--jobs=4`, `-j=4` and `-j4`. */
  readonly value?: string;
}

/** Finds the flag that a word names; undefined when it names none. */
export function matchFlag(
  word: string,
  specs: readonly FlagSpec[],
): FlagWord | undefined {
  if (word.startsWith("--")) {
    const [long = word] = word.split("=", 1);
    const spec = specs.find((one) => namesOf(one).includes(long.slice(2)));
    if (!spec) return undefined;
    const value = long === word ? undefined : word.slice(long.length + 1);
    return { word: long, spec, value };
  }
  const short = word.slice(0, 2);
  const spec = specs.find((one) =>
    lettersOf(one).some((letter) => short === `-${letter}`)
  );
  if (!spec) return undefined;
  const rest = word.slice(2);
  const value = rest === ""
    ? undefined
    : rest.startsWith("=")
    ? rest.slice(1)
    : rest;
  return { word: short, spec, value };
}

/**
 * Flags in the one spelling that Commander reads like pflag: `--flag=true` for
 * switches, which take no word of their own, and `--jobs=4` for `-j4` and
 * `-j=4`. Words after `--` and values that stand alone are left as they are.
 */
export function normalizeArgs(
  args: readonly string[],
  specs: readonly FlagSpec[],
): string[] {
  const result: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") return [...result, ...args.slice(i)];
    const match = matchFlag(arg, specs);
    if (!match) {
      result.push(arg);
      continue;
    }
    const { spec, value } = match;
    if (value !== undefined) result.push(`--${spec.name}=${value}`);
    else if (takesWord(spec)) {
      // A value may look like a flag; it is still the value.
      const isThere = i + 1 < args.length;
      result.push(`--${spec.name}${isThere ? `=${args[++i]}` : ""}`);
    } else result.push(`--${spec.name}=${spec.bare ?? "true"}`);
  }
  return result;
}
