/**
 * Globs over tags, as text lists have them: `*`, `?`, `[…]` and `{a,b}`.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";

/** Says which tags are meant. */
export interface TagPattern {
  /** As it was written. */
  readonly source: string;
  matches(tag: string): boolean;
}

/** Longer than any tag that it could describe with care. */
const MAX_GLOB = 512;

/** Whether a text that stands where a tag stands is a glob: no tag has these. */
export function isGlob(text: string): boolean {
  return /[*?[\]{}]/.test(text);
}

/** A step of the machine that a glob is turned into. */
type State =
  /** One character is read, if it is accepted. */
  | { readonly kind: "read"; accepts(char: string): boolean; next: number }
  /** Goes on without reading. */
  | { readonly kind: "jump"; readonly to: number[] }
  | { readonly kind: "end" };

/** Characters that a tag may have and that mean themselves. */
const PLAIN = /^[A-Za-z0-9_.-]$/;

/**
 * A glob as a machine of states. All states that a tag can lead to are followed
 * at once, so the time is bounded by the length of both.
 */
class Glob implements TagPattern {
  readonly source: string;
  readonly #states: State[] = [];
  readonly #start: number;
  #at = 0;

  constructor(source: string) {
    this.source = source;
    if (source.length > MAX_GLOB) {
      this.#refuse(`it is longer than ${MAX_GLOB} characters`);
    }
    const end = this.#add({ kind: "end" });
    // A state knows the one after it, so the parts are linked from the end.
    this.#start = this.#link(this.#parts(false), end);
  }

  matches(tag: string): boolean {
    let current = this.#reached([this.#start]);
    for (const char of tag) {
      const next: number[] = [];
      for (const i of current) {
        const state = this.#states[i]!;
        if (state.kind === "read" && state.accepts(char)) next.push(state.next);
      }
      if (next.length === 0) return false;
      current = this.#reached(next);
    }
    return [...current].some((i) => this.#states[i]!.kind === "end");
  }

  /** All states that these lead to without reading. */
  #reached(from: readonly number[]): Set<number> {
    const reached = new Set<number>();
    const todo = [...from];
    for (let i = todo.pop(); i !== undefined; i = todo.pop()) {
      if (reached.has(i)) continue;
      reached.add(i);
      const state = this.#states[i]!;
      if (state.kind === "jump") todo.push(...state.to);
    }
    return reached;
  }

  #add(state: State): number {
    return this.#states.push(state) - 1;
  }

  #link(parts: readonly Part[], next: number): number {
    return parts.reduceRight((after, part) => this.#linkOne(part, after), next);
  }

  #linkOne(part: Part, next: number): number {
    if (part.kind === "one") {
      return this.#add({ kind: "read", accepts: part.accepts, next });
    }
    if (part.kind === "any") {
      const to: number[] = [next];
      const loop = this.#add({ kind: "jump", to });
      to.push(this.#add({ kind: "read", accepts: () => true, next: loop }));
      return loop;
    }
    const to = part.choices.map((choice) => this.#link(choice, next));
    return this.#add({ kind: "jump", to });
  }

  /** The parts up to the end, or up to the end of one choice of `{a,b}`. */
  #parts(isChoice: boolean): Part[] {
    const parts: Part[] = [];
    while (this.#at < this.source.length) {
      const char = this.source[this.#at]!;
      if (isChoice && (char === "," || char === "}")) return parts;
      this.#at++;
      parts.push(this.#part(char));
    }
    if (isChoice) this.#refuse("a { is not closed");
    return parts;
  }

  #part(char: string): Part {
    if (char === "*") return { kind: "any" };
    if (char === "?") return { kind: "one", accepts: () => true };
    if (char === "[") return { kind: "one", accepts: this.#class() };
    if (char === "{") return { kind: "choice", choices: this.#choices() };
    if (!PLAIN.test(char)) {
      this.#refuse(`${JSON.stringify(char)} stands in no tag`);
    }
    return { kind: "one", accepts: (other) => other === char };
  }

  #choices(): Part[][] {
    const choices: Part[][] = [];
    while (true) {
      choices.push(this.#parts(true));
      if (this.source[this.#at++] === "}") return choices;
    }
  }

  /** `[a-c]`, and `[!a-c]` or `[^a-c]` for all others. */
  #class(): (char: string) => boolean {
    const close = this.source.indexOf("]", this.#at + 1);
    if (close < 0) return this.#refuse("a [ is not closed");
    const body = this.source.slice(this.#at, close);
    this.#at = close + 1;
    const isOthers = body[0] === "!" || body[0] === "^";
    const ranges = rangesOf(isOthers ? body.slice(1) : body);
    if (ranges === undefined || ranges.length === 0) {
      return this.#refuse(`[${body}] names no characters of tags`);
    }
    return (char) =>
      isOthers !== ranges.some(([from, to]) => from <= char && char <= to);
  }

  #refuse(why: string): never {
    throw new HangarError(
      "invalid-reference",
      `invalid glob ${JSON.stringify(this.source.slice(0, 160))}: ${why}`,
    );
  }
}

type Part =
  | { readonly kind: "one"; accepts(char: string): boolean }
  | { readonly kind: "any" }
  | { readonly kind: "choice"; readonly choices: readonly (readonly Part[])[] };

function rangesOf(body: string): [string, string][] | undefined {
  const ranges: [string, string][] = [];
  for (let i = 0; i < body.length; i++) {
    const from = body[i]!;
    const isRange = body[i + 1] === "-" && i + 2 < body.length;
    const to = isRange ? body[i + 2]! : from;
    if (!PLAIN.test(from) || !PLAIN.test(to) || from > to) return undefined;
    ranges.push([from, to]);
    if (isRange) i += 2;
  }
  return ranges;
}

/**
 * Parses a glob.
 *
 * @throws {HangarError} `invalid-reference`
 */
export function parseGlob(source: string): TagPattern {
  return new Glob(source);
}
