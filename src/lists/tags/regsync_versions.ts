/**
 * Versions and their ranges as regsync's `semverRange` has them. They differ
 * from semver: any number of parts, and words that are compared by their
 * numbers.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { VersionRange } from "./tag_rules.ts";

interface Version {
  readonly parts: readonly bigint[];
  readonly preRelease: string;
}

type Operator = "=" | "<" | "<=" | ">" | ">=";

interface Constraint {
  readonly operator: Operator;
  readonly version: Version;
}

// Numbers beyond 64 bits are no versions in Go.
const MAX_NUMBER = 2n ** 63n - 1n;

/** Reads a version; undefined when it is none. */
function parseVersion(text: string): Version | undefined {
  const [bare = ""] = text.replace(/^v/, "").split("+");
  const dash = bare.indexOf("-");
  const numbers = dash < 0 ? bare : bare.slice(0, dash);
  const parts: bigint[] = [];
  for (const part of numbers.split(".")) {
    if (!/^\d+$/.test(part)) return undefined;
    const number = BigInt(part);
    if (number > MAX_NUMBER) return undefined;
    parts.push(number);
  }
  return { parts, preRelease: dash < 0 ? "" : bare.slice(dash + 1) };
}

function compare(a: Version, b: Version): number {
  for (let i = 0; i < Math.max(a.parts.length, b.parts.length); i++) {
    const [x = 0n, y = 0n] = [a.parts[i], b.parts[i]];
    if (x !== y) return x < y ? -1 : 1;
  }
  if (a.preRelease === b.preRelease) return 0;
  if (a.preRelease === "") return 1;
  if (b.preRelease === "") return -1;
  return comparePreReleases(a.preRelease, b.preRelease);
}

function comparePreReleases(a: string, b: string): number {
  const [x, y] = [a.split("."), b.split(".")];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const order = compareParts(x[i]!, y[i]!);
    if (order !== undefined) return order;
  }
  return Math.sign(x.length - y.length);
}

const HEAD = /^([^0-9]*)([0-9]*)/;

/** Words and numbers in turn; undefined where they are equal so far. */
function compareParts(a: string, b: string): number | undefined {
  while (a !== "" && b !== "") {
    const [wholeA = "", headA = "", numberA = ""] = HEAD.exec(a)!;
    const [wholeB = "", headB = "", numberB = ""] = HEAD.exec(b)!;
    if (headA !== headB) return headA < headB ? -1 : 1;
    if (!isNumber(numberA) || !isNumber(numberB)) {
      if (isNumber(numberB)) return -1;
      return isNumber(numberA) ? 1 : 0;
    }
    const [x, y] = [BigInt(numberA), BigInt(numberB)];
    if (x !== y) return x < y ? -1 : 1;
    a = a.slice(wholeA.length);
    b = b.slice(wholeB.length);
  }
  if (a !== "") return 1;
  return b === "" ? undefined : -1;
}

function isNumber(text: string): boolean {
  return text !== "" && BigInt(text) <= MAX_NUMBER;
}

/**
 * Parses a range, such as `>=1.2 <2`, `^1.2.3` or `~1.2`.
 *
 * @throws {HangarError} `usage`
 */
export function parseRange(source: string): VersionRange {
  const constraints = source.trim().split(/\s+/).flatMap((word) =>
    parseWord(word, source)
  );
  return {
    source,
    includes(tag) {
      const version = parseVersion(tag);
      return version !== undefined &&
        constraints.every((constraint) => holds(version, constraint));
    },
  };
}

function parseWord(word: string, source: string): Constraint[] {
  const match = /^(\^|~|>=|<=|>|<|=)?(.*)$/s.exec(word)!;
  const version = parseVersion(match[2]!);
  if (!version) {
    throw new HangarError(
      "usage",
      `${JSON.stringify(source)} is not a range of versions`,
    );
  }
  switch (match[1]) {
    case "^":
      return [{ operator: ">=", version }, below(afterCaret(version))];
    case "~": {
      const [major = 0n, minor = 0n] = version.parts;
      return [{ operator: ">=", version }, below([major, minor + 1n, 0n])];
    }
    case ">=":
    case "<=":
    case ">":
    case "<":
      return [{ operator: match[1], version }];
    default:
      return [{ operator: "=", version }];
  }
}

function afterCaret({ parts }: Version): bigint[] {
  const [major = 0n, minor = 0n, patch = 0n] = parts;
  if (major > 0n) return [major + 1n, 0n, 0n];
  return minor > 0n ? [0n, minor + 1n, 0n] : [0n, 0n, patch + 1n];
}

function below(parts: readonly bigint[]): Constraint {
  return { operator: "<", version: { parts, preRelease: "" } };
}

function holds(version: Version, constraint: Constraint): boolean {
  const order = compare(version, constraint.version);
  switch (constraint.operator) {
    case "=":
      return order === 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}
