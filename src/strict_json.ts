/**
 * JSON that all its readers read alike. A key that is there twice means
 * something else to each reader; and Go's encoding/json takes a key for a
 * field that it knows where the two differ only in case, and the last one wins.
 *
 * @module
 */

/**
 * The keys of an object that its readers know, with what they know of the
 * objects below. Objects in a list are meant where a list is. An object whose
 * keys are free, such as annotations, has no known keys.
 */
export type KnownKeys = { readonly [key: string]: KnownKeys };

/** How deep objects and lists may be nested: real documents go to ten. */
export const MAX_JSON_DEPTH = 100;

const NOTHING: KnownKeys = {};

/** JSON that is valid, and that another reader may read otherwise. */
export class AmbiguousJson extends Error {
  /** As for every error class. */
  override name = "AmbiguousJson";
}

/**
 * Parses JSON, and refuses what another reader may read otherwise: a key twice
 * in one object, or one that differs from a known key in case alone (by
 * Unicode's simple folding, as Go compares keys).
 *
 * @param known @default {no key is known; none may be there twice}
 * @throws {SyntaxError} when it is not JSON
 * @throws {AmbiguousJson} naming the key
 */
export function parseStrictJson(
  text: string,
  known: KnownKeys = NOTHING,
): unknown {
  const value: unknown = JSON.parse(text);
  checkKeys(text, known);
  return value;
}

interface Level {
  readonly known: KnownKeys;
  /** Keys so far; undefined for a list. */
  readonly keys?: Set<string>;
  /** What is known of the value that comes next. */
  next: KnownKeys;
}

/** Looks at every key of text that is valid JSON, in one pass. */
function checkKeys(text: string, known: KnownKeys): void {
  const levels: Level[] = [];
  const folded = new Map<KnownKeys, ReadonlyMap<string, string>>();
  let level: Level | undefined;
  let isKey = false;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case "{":
      case "[": {
        const here: KnownKeys = level?.next ?? known;
        if (levels.length >= MAX_JSON_DEPTH) {
          throw new AmbiguousJson(`nested more than ${MAX_JSON_DEPTH} deep`);
        }
        isKey = text[at] === "{";
        level = {
          known: here,
          keys: isKey ? new Set() : undefined,
          next: here,
        };
        levels.push(level);
        break;
      }
      case "}":
      case "]":
        levels.pop();
        level = levels.at(-1);
        isKey = false;
        break;
      case ",":
        isKey = level?.keys !== undefined;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (isKey && level?.keys) {
          noteKey(level, keyAt(text, at, end), folded);
          isKey = false;
        }
        at = end;
        break;
      }
    }
  }
}

/** Where the string that begins at a quote has its closing one. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1;; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
}

function keyAt(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end);
  const key = inner.includes("\\") ? String(JSON.parse(`"${inner}"`)) : inner;
  // Go reads every half of a surrogate pair as the same replacement.
  return key.toWellFormed();
}

function noteKey(
  level: Level,
  key: string,
  folded: Map<KnownKeys, ReadonlyMap<string, string>>,
): void {
  const named = () => JSON.stringify(key.slice(0, 60));
  const { known, keys } = level;
  if (keys?.has(key)) {
    throw new AmbiguousJson(`the key ${named()} is there twice`);
  }
  keys?.add(key);
  if (Object.hasOwn(known, key)) {
    level.next = known[key] ?? NOTHING;
    return;
  }
  level.next = NOTHING;
  let names = folded.get(known);
  if (!names) {
    names = new Map(Object.keys(known).map((name) => [fold(name), name]));
    folded.set(known, names);
  }
  const meant = names.get(fold(key));
  if (meant !== undefined) {
    throw new AmbiguousJson(`the key ${named()} is ${meant} in other letters`);
  }
}

/**
 * What is equal under Unicode's simple folding, as far as ASCII goes: beside
 * the capitals, ſ is an s and the Kelvin sign (by `toLowerCase`) a k.
 */
function fold(key: string): string {
  return key.toLowerCase().replaceAll("\u017f", "s");
}
