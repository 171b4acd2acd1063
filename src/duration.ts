/**
 * Durations as Go's `time.ParseDuration` reads them: `10m0s`, `90s`, `1h30m`,
 * `1.5h`, `500ms`, `0`.
 *
 * @module
 */

/** In ms. */
const UNITS: Readonly<Record<string, number>> = {
  "ns": 1e-6,
  "us": 1e-3,
  "µs": 1e-3, // U+00B5, micro sign
  "μs": 1e-3, // U+03BC, Greek letter mu
  "ms": 1,
  "s": 1000,
  "m": 60_000,
  "h": 3_600_000,
};

const NUMBER = String.raw`\d+(?:\.\d*)?|\.\d+`;
const UNIT = "ns|us|µs|μs|ms|s|m|h";
const PART = new RegExp(`(${NUMBER})(${UNIT})`, "g");
const WHOLE = new RegExp(`^\\+?(?:(?:${NUMBER})(?:${UNIT}))+$`);

/**
 * The longest duration, in ms: the limit of a timer. With a longer one, a timer
 * fires at once.
 */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/**
 * A duration in whole ms; undefined when the text is not a duration, is
 * negative, or is longer than {@linkcode MAX_DURATION_MS}.
 */
export function parseDuration(text: string): number | undefined {
  if (/^\+?0$/.test(text)) return 0;
  if (!WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, value, unit] of text.matchAll(PART)) {
    total += Number(value) * UNITS[unit!]!;
  }
  if (total > MAX_DURATION_MS) return undefined;
  // 0 stands for "no limit", which `1us` must not turn into.
  return total > 0 ? Math.max(1, Math.round(total)) : 0;
}
