/**
 * The part of names that all of them begin with, so that it can be said once.
 *
 * @module
 */

/**
 * What all references begin with, up to and with a slash; empty where that is
 * nothing.
 */
export function sharedPrefix(names: readonly string[]): string {
  const [first] = names;
  if (first === undefined) return "";
  let end = first.lastIndexOf("/") + 1;
  for (const name of names) {
    while (end > 0 && !name.startsWith(first.slice(0, end))) {
      end = first.lastIndexOf("/", end - 2) + 1;
    }
  }
  return first.slice(0, end);
}

/** A name without its middle: its beginning and its tag tell the most. */
export function shortened(name: string, width: number): string {
  if (name.length <= width) return name;
  const end = Math.floor((width - 1) / 2);
  return `${name.slice(0, width - 1 - end)}…${name.slice(name.length - end)}`;
}

/** Names as they are shown next to each other. */
export class ShownNames {
  /** What is left out, since all begin with it. */
  readonly prefix: string;
  /** The length of the longest that is left. */
  readonly widest: number;

  constructor(names: readonly string[]) {
    this.prefix = sharedPrefix(names);
    const longest = names.reduce(
      (most, { length }) => Math.max(most, length),
      0,
    );
    this.widest = longest - this.prefix.length;
  }

  /** A name without what all begin with. */
  short(name: string): string {
    return name.startsWith(this.prefix) ? name.slice(this.prefix.length) : name;
  }
}
