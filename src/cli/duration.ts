/**
 * Durations as Go writes them: `10m0s`, `90s`, `1h30m`, `1.5h`, `0`.
 *
 * @module
 */

const UNITS: Readonly<Record<string, number>> = {
  "ms": 1,
  "s": 1000,
  "m": 60_000,
  "h": 3_600_000,
};

/** A duration in ms; undefined when the text is none, or is negative. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, value, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    total += Number(value) * UNITS[unit!]!;
  }
  return Math.round(total);
}
