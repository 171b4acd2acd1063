/**
 * Constraints on versions as skopeo's `images-by-semver` has them: those of
 * the Go library Masterminds/semver.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { VersionRange } from "./tag_rules.ts";

interface Version {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly preRelease: string;
}

/** One comparison, with the part from which on anything goes (`1.x`). */
interface Comparison {
  readonly operator: string;
  readonly version: Version;
  /** How many numbers are given: `1.x` has one, `*` none. */
  readonly given: number;
}

/** Comparisons that must all hold. */
interface Group {
  readonly comparisons: readonly Comparison[];
  /** Pre-releases count only where a comparison names one. */
  readonly withPreReleases: boolean;
}

const PRE = String.raw`[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*`;
const NUMBER = String.raw`(?:\d+|[xX*])`;
const VERSION =
  `v?${NUMBER}(?:\\.${NUMBER})?(?:\\.${NUMBER})?(?:-${PRE})?(?:\\+${PRE})?`;
const OPERATOR = "!=|>=|=>|<=|=<|~>|>|<|=|~|\\^";

const HYPHEN = new RegExp(`\\s*(${VERSION})\\s+-\\s+(${VERSION})\\s*`, "g");
const ONE = new RegExp(`^(${OPERATOR})?\\s*(${VERSION})$`);
const EACH = new RegExp(`(?:${OPERATOR})?\\s*${VERSION}`, "g");
const PARTS = partsOf(NUMBER);
const TAG = partsOf(String.raw`\d+`);

function partsOf(number: string): RegExp {
  return new RegExp(
    `^v?(${number})(?:\\.(${number}))?(?:\\.(${number}))?(?:-(${PRE}))?(?:\\+${PRE})?$`,
  );
}

/** Longer than constraints are. */
const MAX_CONSTRAINT = 1024;
const MAX_NUMBER = 2n ** 64n - 1n;

/**
 * Parses a constraint, such as `>= 3.12.0` or `^1.2 || ~2.1`.
 *
 * @throws {HangarError} `usage`
 */
export function parseConstraint(source: string): VersionRange {
  const refuse = (): never => {
    throw new HangarError(
      "usage",
      `${JSON.stringify(source)} is not a constraint on versions`,
    );
  };
  if (source.length > MAX_CONSTRAINT) refuse();
  const groups = source.replaceAll(HYPHEN, ">= $1, <= $2 ").split("||").map(
    (group): Group => {
      const words = group.match(EACH) ?? refuse();
      // Between comparisons stand blanks, or one comma.
      const between = group.split(EACH).map((text) => text.trim());
      if (
        between[0] !== "" || between.at(-1) !== "" ||
        between.some((text) => text !== "" && text !== ",")
      ) refuse();
      const comparisons = words.map((word) => comparisonOf(word) ?? refuse());
      return {
        comparisons,
        withPreReleases: comparisons.some((c) => c.version.preRelease !== ""),
      };
    },
  );
  return {
    source,
    includes(tag) {
      const version = versionOf(tag);
      return version !== undefined &&
        groups.some((group) =>
          (group.withPreReleases || version.preRelease === "") &&
          group.comparisons.every((comparison) => holds(version, comparison))
        );
    },
  };
}

function comparisonOf(word: string): Comparison | undefined {
  const match = ONE.exec(word.trim());
  const parts = match && PARTS.exec(match[2]!);
  if (!match || !parts) return undefined;
  const [, major, minor, patch, preRelease = ""] = parts;
  const numbers = [major, minor, patch];
  const wild = numbers.findIndex((n) => n === undefined || /^[xX*]$/.test(n));
  const given = wild < 0 ? 3 : wild;
  const [a = 0n, b = 0n, c = 0n] = numbers.slice(0, given).map((n) =>
    BigInt(n!)
  );
  return {
    operator: match[1] ?? "=",
    version: { numbers: [a, b, c], preRelease },
    given,
  };
}

/** A tag as a version: three numbers at most, and those left out are 0. */
function versionOf(tag: string): Version | undefined {
  const match = TAG.exec(tag);
  if (!match) return undefined;
  const [, major = "0", minor = "0", patch = "0", preRelease = ""] = match;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  if (numbers.some((n) => n > MAX_NUMBER)) return undefined;
  // semver has no numbers with a zero before them in a pre-release.
  return preRelease.split(".").some((part) => /^0\d+$/.test(part))
    ? undefined
    : { numbers, preRelease };
}

function compareNumbers(a: Version, b: Version, count: number): number {
  for (let i = 0; i < count; i++) {
    if (a.numbers[i] !== b.numbers[i]) {
      return a.numbers[i]! < b.numbers[i]! ? -1 : 1;
    }
  }
  return 0;
}

function compare(a: Version, b: Version): number {
  return compareNumbers(a, b, 3) ||
    comparePreReleases(a.preRelease, b.preRelease);
}

function comparePreReleases(a: string, b: string): number {
  if (a === b) return 0;
  if (a === "" || b === "") return a === "" ? 1 : -1;
  const [x, y] = [a.split("."), b.split(".")];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const order = compareParts(x[i], y[i]);
    if (order !== 0) return order;
  }
  return 0;
}

function compareParts(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const [x, y] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (x && y) return BigInt(a) < BigInt(b) ? -1 : Number(BigInt(a) > BigInt(b));
  if (x !== y) return x ? -1 : 1;
  return a < b ? -1 : 1;
}

function holds(version: Version, comparison: Comparison): boolean {
  const { operator, version: bound, given } = comparison;
  const order = compare(version, bound);
  // To that library, a lone `*` is 0.0.0 wherever it has an operator.
  if (given === 0 && (operator === "<=" || operator === "=<")) {
    return compareNumbers(version, bound, 2) <= 0;
  }
  switch (operator) {
    case "!=":
      return given === 3 || given === 0
        ? order !== 0
        : compareNumbers(version, bound, given) !== 0 ||
          // `!=1.2.x-rc` is about that pre-release alone.
          (given === 2 && version.preRelease !== bound.preRelease);
    case ">":
      // `>1.2` begins with 1.3.
      return given === 3 || given === 0
        ? order > 0
        : compareNumbers(version, bound, given) > 0;
    case "<":
      return order < 0;
    case ">=":
    case "=>":
      return order >= 0;
    case "<=":
    case "=<":
      return given === 3
        ? order <= 0
        : compareNumbers(version, bound, given) <= 0;
    case "^":
      return order >= 0 && withinCaret(version, comparison);
    case "~":
    case "~>":
      return order >= 0 && withinTilde(version, comparison);
    default:
      return given === 3
        ? order === 0
        : order >= 0 && withinTilde(version, comparison);
  }
}

/** `~1.2.3` goes up to 1.3, `~1` up to 2; `~0.0.0` has no end. */
function withinTilde(
  version: Version,
  { version: bound, given }: Comparison,
): boolean {
  if (given === 0) return true;
  const isZero = bound.numbers.every((n) => n === 0n);
  if (isZero && given === 3) return true;
  return compareNumbers(version, bound, given === 1 ? 1 : 2) === 0;
}

/** `^1.2.3` goes up to 2, `^0.2.3` up to 0.3, `^0.0.3` up to 0.0.4. */
function withinCaret(
  version: Version,
  { version: bound, given }: Comparison,
): boolean {
  if (given === 0) return compareNumbers(version, bound, 3) === 0;
  const [major, minor] = bound.numbers;
  if (major > 0n || given === 1) {
    return compareNumbers(version, bound, 1) === 0;
  }
  return compareNumbers(version, bound, minor > 0n || given === 2 ? 2 : 3) ===
    0;
}
