/**
 * `WWW-Authenticate` challenges (RFC 9110, 11.6.1; distribution token spec).
 *
 * @module
 */

/** One challenge: its scheme in lower case and its parameters. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER =
  /([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;

/** How much of a header is read at most, in characters. */
const MAX_HEADER = 16 * 1024;

/** Reads the challenges of a header, up to the first that is malformed. */
export function parseChallenges(text: string): Challenge[] {
  const header = text.slice(0, MAX_HEADER);
  const challenges: Challenge[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const separators = /[\s,]*/y;
  while (true) {
    take(separators);
    const scheme = take(TOKEN);
    if (!scheme) return challenges;
    const parameters: Record<string, string> = {};
    while (true) {
      const start = at;
      take(separators);
      const match = take(PARAMETER);
      if (!match) {
        at = start;
        break;
      }
      parameters[match[1]!.toLowerCase()] = match[3] ??
        match[2]!.replace(/\\(.)/g, "$1");
    }
    challenges.push({ scheme: scheme[0].toLowerCase(), parameters });
  }
}
