/**
 * YAML whose values are taken one by one, each with its key and its line.
 *
 * @module
 */

import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  Scalar,
  visit,
} from "yaml";
import { HangarError } from "../../errors.ts";

/** So many values of one file may be repeats, by aliases: they multiply. */
const MAX_REPEATED = 500_000;
/** So deep may values be nested. */
const MAX_DEPTH = 100;

/** What all values of a file share. */
interface YamlFile {
  readonly name: string;
  /** What the aliases of the document stand for. */
  readonly targets: ReadonlyMap<Alias, Node>;
  readonly lines: LineCounter;
  /** Lines before its first one. */
  readonly offset: number;
  readonly budget: { left: number };
}

/** A value, with where it stands. */
export class YamlValue {
  /** Such as `sync[3].tags.allow`; empty for the whole document. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly #file: YamlFile;
  readonly #node: Node | null;
  readonly #depth: number;
  /** Whether an alias led here. */
  readonly #isRepeated: boolean;

  private constructor(
    file: YamlFile,
    node: unknown,
    { path, line, depth, isRepeated = false }: {
      readonly path: string;
      readonly line: number;
      readonly depth: number;
      readonly isRepeated?: boolean;
    },
  ) {
    const own = isNode(node) ? node : null;
    this.path = path;
    // An alias is told by where it is used.
    this.line = own?.range
      ? file.lines.linePos(own.range[0]).line + file.offset
      : line;
    this.#file = file;
    this.#depth = depth;
    const alias = own && isAlias(own) ? own : undefined;
    this.#isRepeated = isRepeated || alias !== undefined;
    this.#node = alias ? this.#resolved(alias) : own;
    if (this.#isRepeated && --file.budget.left < 0) {
      this.refuse("the file holds more than can be read, by its aliases");
    }
    if (depth > MAX_DEPTH) this.refuse("the values are nested too deeply");
  }

  /**
   * The documents of a file.
   *
   * @param offset how many lines come before the text
   * @throws {HangarError} `usage` when it is not YAML
   */
  static parse(text: string, name: string, offset = 0): YamlValue[] {
    const lines = new LineCounter();
    const budget = { left: MAX_REPEATED };
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      uniqueKeys: false,
      prettyErrors: false,
    });
    if (!Array.isArray(documents)) return [];
    return documents.map((document: Document.Parsed) => {
      const [error] = document.errors;
      if (error) {
        const { line } = lines.linePos(error.pos[0]);
        throw new HangarError(
          "usage",
          `${name}:${line + offset}: ${reasonOf(error.message)}`,
        );
      }
      const targets = targetsOf(document);
      const file = { name, targets, lines, offset, budget };
      return new YamlValue(file, document.contents, {
        path: "",
        line: 1 + offset,
        depth: 0,
      });
    });
  }

  #resolved(alias: Alias): Node | null {
    return this.#file.targets.get(alias) ??
      this.refuse(`*${alias.source} is not defined`);
  }

  /** The name of the file. */
  get file(): string {
    return this.#file.name;
  }

  /** Whether nothing is said. */
  get isEmpty(): boolean {
    return this.#node === null ||
      (isScalar(this.#node) && this.#node.value === null);
  }

  get isMap(): boolean {
    return isMap(this.#node);
  }

  get isList(): boolean {
    return isSeq(this.#node);
  }

  /** Whether another value may repeat it (`&name`). */
  get hasAnchor(): boolean {
    return this.#node !== null && "anchor" in this.#node &&
      this.#node.anchor !== undefined;
  }

  /** The values of an object, by key; nothing is an empty one. */
  map(): ReadonlyMap<string, YamlValue> {
    const values = new Map<string, YamlValue>();
    if (this.isEmpty) return values;
    if (!isMap(this.#node)) return this.refuse("want keys and values");
    const merged: YamlValue[] = [];
    for (const { key, value } of this.#node.items) {
      const name = isScalar(key) ? textOf(key) : undefined;
      if (name === undefined) return this.refuse("a key is not a word");
      const at = isNode(key) && key.range
        ? this.#file.lines.linePos(key.range[0]).line + this.#file.offset
        : this.line;
      const child = this.#child(
        value,
        this.path === "" ? name : `${this.path}.${name}`,
        at,
      );
      if (name === "<<") merged.push(...child.isList ? child.list() : [child]);
      // As in regsync, the last of equal keys counts.
      else values.set(name, child);
    }
    for (const base of merged) {
      for (const [name, value] of base.map()) {
        if (!values.has(name)) values.set(name, value);
      }
    }
    return values;
  }

  /** The values of a list; nothing is an empty one. */
  list(): YamlValue[] {
    if (this.isEmpty) return [];
    if (!isSeq(this.#node)) return this.refuse("want a list");
    return this.#node.items.map((item, i) =>
      this.#child(item, `${this.path}[${i}]`, this.line)
    );
  }

  #child(node: unknown, path: string, line: number): YamlValue {
    return new YamlValue(this.#file, node, {
      path,
      line,
      depth: this.#depth + 1,
      isRepeated: this.#isRepeated,
    });
  }

  /** A word, a number or a truth value, as it is written. */
  text(): string {
    if (this.isEmpty) return "";
    const text = isScalar(this.#node) ? textOf(this.#node) : undefined;
    return text ?? this.refuse("want a text");
  }

  /** Whether it is a word, and not a number or a truth value. */
  get isText(): boolean {
    return isScalar(this.#node) && typeof this.#node.value === "string";
  }

  bool(): boolean {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === "boolean"
      ? value
      : this.refuse("want true or false");
  }

  /** A whole number of at least `least`. */
  integer(least = 0): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === "number" && Number.isSafeInteger(value) &&
        value >= least
      ? value
      : this.refuse(`want a whole number of at least ${least}`);
  }

  number(): number {
    const value = isScalar(this.#node) ? this.#node.value : undefined;
    return typeof value === "number" && Number.isFinite(value) && value >= 0
      ? value
      : this.refuse("want a number of at least 0");
  }

  /** The value as plain data, for a list that repeats it. */
  plain(): unknown {
    if (this.isMap) {
      return Object.fromEntries(
        [...this.map()].map(([key, value]) => [key, value.plain()]),
      );
    }
    if (this.isList) return this.list().map((value) => value.plain());
    if (!isScalar(this.#node)) return null;
    const { value } = this.#node;
    return typeof value === "boolean" || Number.isSafeInteger(value)
      ? value
      : textOf(this.#node) ?? null;
  }

  /** @throws {HangarError} `usage`, naming file, line and key */
  refuse(why: string): never {
    throw new HangarError(
      "usage",
      `${this.#file.name}:${this.line}: ${
        this.path === "" ? "" : `${this.path}: `
      }${why}`,
    );
  }
}

/**
 * What each alias stands for: the last anchor of its name before it. The parser
 * would look through the whole document for each of them.
 */
function targetsOf(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const targets = new Map<Alias, Node>();
  const anchors = new Map<string, Node>();
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target) targets.set(node, target);
      } else if ("anchor" in node && node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    },
  });
  return targets;
}

function reasonOf(message: string): string {
  // The parser calls itself for each level.
  return /call stack/i.test(message)
    ? "the values are nested too deeply"
    : `this is not YAML: ${message}`;
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

/** Numbers such as `1.10` are texts here: they must not lose their zero. */
function textOf({ value, source, type }: Scalar): string | undefined {
  if (typeof value === "string") return value;
  if (value === null) return "";
  const isPlain = type === Scalar.PLAIN;
  return isPlain && source !== undefined ? source : String(value);
}
