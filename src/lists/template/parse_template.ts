/**
 * Templates of Go's text/template, parsed: the parts that configuration files
 * use.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";

/** A value that a template yields. */
export type Expression =
  | {
    readonly kind: "literal";
    readonly value: string | number | boolean | null;
  }
  /** `$`, `$x` or, without a name, the dot. */
  | { readonly kind: "variable"; readonly name: string }
  | {
    readonly kind: "call";
    readonly function: string;
    readonly arguments: readonly Expression[];
  }
  /** A method, or a field that takes nothing. */
  | {
    readonly kind: "method";
    readonly of: Expression;
    readonly name: string;
    readonly arguments: readonly Expression[];
  };

/** A piece of a template. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly value: Expression }
  | {
    readonly kind: "set";
    readonly name: string;
    readonly value: Expression;
  }
  | {
    readonly kind: "if" | "with" | "range";
    readonly value: Expression;
    readonly then: readonly Piece[];
    readonly otherwise: readonly Piece[];
  };

/** Longer than any such text is. */
const MAX_TEMPLATE = 64 * 1024;
const MAX_NESTING = 50;

/** @throws {HangarError} `usage` */
export function parseTemplate(text: string): Piece[] {
  if (text.length > MAX_TEMPLATE) refuse("it is too long");
  const parser = new TemplateParser(splitActions(text));
  return parser.whole();
}

/** @throws {HangarError} `usage` */
function refuse(why: string): never {
  throw new HangarError("usage", `this is not a template: ${why}`);
}

/** Text, or what stands between `{{` and `}}`. */
type Section =
  | { readonly text: string }
  | { readonly action: string };

function splitActions(text: string): Section[] {
  const sections: Section[] = [];
  let at = 0;
  let trimNext = false;
  while (true) {
    const open = text.indexOf("{{", at);
    let plain = text.slice(at, open < 0 ? undefined : open);
    if (trimNext) plain = plain.trimStart();
    const trimsLeft = open >= 0 && /^\{\{-\s/.test(text.slice(open));
    sections.push({ text: trimsLeft ? plain.trimEnd() : plain });
    if (open < 0) return sections;
    const from = open + (trimsLeft ? 3 : 2);
    const close = endOfAction(text, from);
    let action = text.slice(from, close);
    trimNext = /\s-$/.test(action);
    if (trimNext) action = action.slice(0, -1);
    if (!/^\s*\/\*[^]*\*\/\s*$/.test(action)) {
      sections.push({ action: action.trim() });
    }
    at = close + 2;
  }
}

/** Where an action ends; a `}}` within quotes does not end it. */
function endOfAction(text: string, from: number): number {
  let quote = "";
  for (let i = from; i < text.length; i++) {
    const char = text[i]!;
    if (quote !== "") {
      if (char === "\\" && quote === '"') i++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "`") quote = char;
    else if (text.startsWith("}}", i)) return i;
  }
  return refuse("an action is not closed with }}");
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|(`[^`]*`)|(-?\d+(?:\.\d+)?)|(\$?[A-Za-z_]\w*|\$)|((?:\.[A-Za-z_]\w*)+)|(:=|=|[().|,]))/y;

class TemplateParser {
  readonly #sections: Section[];
  #depth = 0;

  constructor(sections: Section[]) {
    this.#sections = sections.toReversed();
  }

  whole(): Piece[] {
    const { pieces, end } = this.#pieces();
    if (end !== undefined) refuse(`{{${end}}} belongs to nothing`);
    return pieces;
  }

  /** Up to `end` or `else`, which is given back. */
  #pieces(): { pieces: Piece[]; end?: string } {
    const pieces: Piece[] = [];
    while (true) {
      const section = this.#sections.pop();
      if (!section) return { pieces };
      if ("text" in section) {
        if (section.text !== "") pieces.push({ kind: "text", ...section });
        continue;
      }
      const { action } = section;
      const [word = ""] = action.split(/\s/, 1);
      if (word === "end" || word === "else") return { pieces, end: action };
      if (word === "if" || word === "with" || word === "range") {
        pieces.push(this.#block(word, action.slice(word.length)));
      } else if (/^(define|template|block|break|continue)$/.test(word)) {
        refuse(`{{${word}}} is not known here`);
      } else pieces.push(pieceOf(action));
    }
  }

  #block(kind: "if" | "with" | "range", rest: string): Piece {
    if (++this.#depth > MAX_NESTING) refuse("it is nested too deep");
    const value = expressionOf(rest);
    const then = this.#pieces();
    let otherwise: Piece[] = [];
    if (then.end === "else") {
      const after = this.#pieces();
      if (after.end !== "end") refuse(`a {{${kind}}} is not ended`);
      otherwise = after.pieces;
    } else if (then.end?.startsWith("else if ")) {
      otherwise = [this.#block("if", then.end.slice("else if".length))];
    } else if (then.end !== "end") refuse(`a {{${kind}}} is not ended`);
    this.#depth--;
    return { kind, value, then: then.pieces, otherwise };
  }
}

function pieceOf(action: string): Piece {
  const match = /^(\$\w+)\s*:?=([^]*)$/.exec(action);
  return match
    ? { kind: "set", name: match[1]!, value: expressionOf(match[2]!) }
    : { kind: "value", value: expressionOf(action) };
}

function expressionOf(text: string): Expression {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const body = text.trim();
  for (let at = 0; at < body.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(body);
    if (!match) return refuse(`${body.slice(at, at + 40)} is not understood`);
    // A field right behind something belongs to it; one behind a blank does not.
    const isJoined = at > 0 && match[5] !== undefined && !/^\s/.test(match[0]);
    tokens.push(isJoined ? `+${match[5]}` : match[0].trim());
  }
  const parser = new ExpressionParser(tokens);
  const value = parser.pipeline();
  if (!parser.isDone) refuse(`{{${body}}} goes on where it should end`);
  return value;
}

class ExpressionParser {
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get isDone(): boolean {
    return this.#at >= this.#tokens.length;
  }

  /** `a | b c` is `b c a`. */
  pipeline(): Expression {
    if (++this.#depth > MAX_NESTING) refuse("it is nested too deep");
    let value = this.#command();
    while (this.#tokens[this.#at] === "|") {
      this.#at++;
      const next = this.#command();
      if (next.kind !== "call" && next.kind !== "method") {
        return refuse("what stands behind | is not a function");
      }
      value = { ...next, arguments: [...next.arguments, value] };
    }
    this.#depth--;
    return value;
  }

  #command(): Expression {
    const first = this.#operand();
    const given: Expression[] = [];
    while (!this.isDone && !/^[|)]$/.test(this.#tokens[this.#at]!)) {
      given.push(this.#operand());
    }
    if (given.length === 0) return first;
    if (first.kind === "call" && first.arguments.length === 0) {
      return { ...first, arguments: given };
    }
    if (first.kind === "method" && first.arguments.length === 0) {
      return { ...first, arguments: given };
    }
    return refuse("a value is not a function");
  }

  #operand(): Expression {
    const token = this.#tokens[this.#at++];
    let value: Expression;
    if (token === undefined) return refuse("an action is empty");
    if (token === "(") {
      value = this.pipeline();
      if (this.#tokens[this.#at++] !== ")") refuse("a ( is not closed");
    } else if (token === ".") value = { kind: "variable", name: "" };
    else if (token.startsWith(".")) {
      value = chain({ kind: "variable", name: "" }, token);
    } else if (token.startsWith("$")) value = { kind: "variable", name: token };
    else value = literalOf(token) ?? call(token);
    while (this.#tokens[this.#at]?.startsWith("+.")) {
      value = chain(value, this.#tokens[this.#at++]!.slice(1));
    }
    return value;
  }
}

function call(name: string): Expression {
  if (!/^[A-Za-z_]\w*$/.test(name)) {
    refuse(`${name} stands where a value should`);
  }
  return { kind: "call", function: name, arguments: [] };
}

function chain(of: Expression, names: string): Expression {
  return names.split(".").slice(1).reduce<Expression>(
    (value, name) => ({ kind: "method", of: value, name, arguments: [] }),
    of,
  );
}

function literalOf(token: string): Expression | undefined {
  const literal = (value: string | number | boolean | null): Expression => ({
    kind: "literal",
    value,
  });
  if (token.startsWith("`")) return literal(token.slice(1, -1));
  if (token.startsWith('"')) {
    try {
      const value: unknown = JSON.parse(token);
      return literal(String(value));
    } catch {
      return refuse(`${token} is not a text`);
    }
  }
  if (/^-?\d/.test(token)) return literal(Number(token));
  if (token === "true" || token === "false") return literal(token === "true");
  return token === "nil" ? literal(null) : undefined;
}
