/**
 * The order of versions, as tags have them.
 *
 * @module
 */

/** A tag, read as a version. */
export interface TagVersion {
  /** `1.27.3` as numbers; a date as year, month, day, and what follows. */
  readonly numbers: readonly bigint[];
  /** What stands behind a `-`; a version with it comes before the one without. */
  readonly preRelease?: string;
}

const DATE = /^(\d{4})([-.]?)(\d{2})\2(\d{2})((?:[-._T]?\d)*)(?:-(.+))?$/;
// Helm writes the + of semver as _ into tags.
const VERSION = /^v?(\d+(?:\.\d+)*)(?:-([^_]+))?(?:_[A-Za-z0-9_.-]*)?$/;

/** Reads a tag as a version; undefined when it is none. */
export function parseVersion(tag: string): TagVersion | undefined {
  return parseDate(tag) ?? parseNumbers(tag);
}

function parseDate(tag: string): TagVersion | undefined {
  const match = DATE.exec(tag.replace(/^v/, ""));
  if (!match) return undefined;
  const [, year = "", , month = "", day = "", rest = "", preRelease] = match;
  const isDate = between(year, 1970, 2199) && between(month, 1, 12) &&
    between(day, 1, 31);
  if (!isDate) return undefined;
  const more = rest.match(/\d+/g) ?? [];
  return { numbers: [year, month, day, ...more].map(BigInt), preRelease };
}

function between(text: string, low: number, high: number): boolean {
  return Number(text) >= low && Number(text) <= high;
}

function parseNumbers(tag: string): TagVersion | undefined {
  const match = VERSION.exec(tag);
  if (!match) return undefined;
  const [, numbers = "", preRelease] = match;
  return { numbers: numbers.split(".").map(BigInt), preRelease };
}

/** Negative when the first is older. */
export function compareVersions(a: TagVersion, b: TagVersion): number {
  return compareNumbers(a.numbers, b.numbers) ||
    comparePreReleases(a.preRelease, b.preRelease);
}

function compareNumbers(a: readonly bigint[], b: readonly bigint[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x = 0n, y = 0n] = [a[i], b[i]];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** `1.0-rc.2` comes before `1.0-rc10`, and that before `1.0`. */
function comparePreReleases(
  a: string | undefined,
  b: string | undefined,
): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  const [x, y] = [wordsOf(a), wordsOf(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const order = compareWords(x[i]!, y[i]!);
    if (order !== 0) return order;
  }
  return x.length - y.length;
}

/** Numbers and what stands between them. */
function wordsOf(text: string): string[] {
  return text.match(/\d+|[^\d.-]+/g) ?? [];
}

function compareWords(a: string, b: string): number {
  const [x, y] = [/^\d/.test(a), /^\d/.test(b)];
  if (x && y) {
    return Number(BigInt(a) > BigInt(b)) - Number(BigInt(a) < BigInt(b));
  }
  // As in semver, a number comes before a word.
  if (x !== y) return x ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}

/** The newest of some tags, in their order; what is no version is left out. */
export function newestOf(tags: readonly string[], count: number): string[] {
  const versions = tags.flatMap((tag) => {
    const version = parseVersion(tag);
    return version ? [{ tag, version }] : [];
  });
  const newest = versions.toSorted((a, b) =>
    compareVersions(b.version, a.version)
  ).slice(0, count);
  const kept = new Set(newest.map(({ tag }) => tag));
  return tags.filter((tag) => kept.has(tag));
}
