/**
 * Templates, filled in: Go's text/template with the functions of regclient.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { GoTime } from "./go_time.ts";
import {
  type Expression,
  parseTemplate,
  type Piece,
} from "./parse_template.ts";

/** What a template may be given, and yield. */
export type TemplateValue =
  | string
  | number
  | boolean
  | null
  | GoTime
  | TimeFunctions
  | readonly TemplateValue[]
  | { readonly [field: string]: TemplateValue };

/** What templates may ask of the machine. */
export interface TemplateSources {
  env(name: string): string | undefined;
  /** The text of a file; undefined when it cannot be read. */
  readFile(path: string): Promise<string | undefined>;
  /** @default {the present} */
  readonly now?: () => Date;
}

/** What `time` yields. */
class TimeFunctions {
  readonly now: GoTime;

  constructor(now: Date) {
    this.now = new GoTime(now);
  }
}

/** More than any such text needs. */
const MAX_OUTPUT = 1024 * 1024;

/**
 * Fills a template in.
 *
 * @throws {HangarError} `usage`
 */
export async function fillTemplate(
  text: string,
  data: TemplateValue,
  sources: TemplateSources,
): Promise<string> {
  // Most texts are none.
  if (!text.includes("{{")) return text;
  return await new TemplateRun(data, sources).fill(parseTemplate(text));
}

/** @throws {HangarError} `usage` */
function refuse(why: string): never {
  throw new HangarError("usage", `the template cannot be filled in: ${why}`);
}

class TemplateRun {
  readonly #sources: TemplateSources;
  readonly #variables = new Map<string, TemplateValue>();
  #dot: TemplateValue;

  constructor(data: TemplateValue, sources: TemplateSources) {
    this.#sources = sources;
    this.#dot = data;
    this.#variables.set("$", data);
  }

  async fill(pieces: readonly Piece[]): Promise<string> {
    let output = "";
    for (const piece of pieces) {
      output += await this.#piece(piece);
      if (output.length > MAX_OUTPUT) refuse("its text is too long");
    }
    return output;
  }

  async #piece(piece: Piece): Promise<string> {
    switch (piece.kind) {
      case "text":
        return piece.text;
      case "value":
        return print(await this.#value(piece.value));
      case "set":
        this.#variables.set(piece.name, await this.#value(piece.value));
        return "";
      case "if":
        return await this.fill(
          isTrue(await this.#value(piece.value)) ? piece.then : piece.otherwise,
        );
      case "with": {
        const value = await this.#value(piece.value);
        return isTrue(value)
          ? await this.#within(value, piece.then)
          : await this.fill(piece.otherwise);
      }
      case "range": {
        const value = await this.#value(piece.value);
        const items = isList(value) ? value : refuse("range wants a list");
        let output = items.length > 0 ? "" : await this.fill(piece.otherwise);
        for (const item of items) {
          output += await this.#within(item, piece.then);
        }
        return output;
      }
    }
  }

  async #within(dot: TemplateValue, pieces: readonly Piece[]): Promise<string> {
    const outer = this.#dot;
    this.#dot = dot;
    try {
      return await this.fill(pieces);
    } finally {
      this.#dot = outer;
    }
  }

  async #value(expression: Expression): Promise<TemplateValue> {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "variable": {
        if (expression.name === "") return this.#dot;
        const value = this.#variables.get(expression.name);
        return value === undefined
          ? refuse(`${expression.name} is not set`)
          : value;
      }
      case "method": {
        const of = await this.#value(expression.of);
        const given = await this.#values(expression.arguments);
        return member(of, expression.name, given);
      }
      case "call": {
        const given = await this.#values(expression.arguments);
        return await this.#call(expression.function, given);
      }
    }
  }

  async #values(expressions: readonly Expression[]): Promise<TemplateValue[]> {
    const values: TemplateValue[] = [];
    // In their order: reading files side by side would gain nothing here.
    for (const expression of expressions) {
      values.push(await this.#value(expression));
    }
    return values;
  }

  async #call(
    name: string,
    given: readonly TemplateValue[],
  ): Promise<TemplateValue> {
    const { env, readFile, now = () => new Date() } = this.#sources;
    const text = (i: number) => {
      const value = given[i];
      return typeof value === "string"
        ? value
        : refuse(`${name} wants a text in place ${i + 1}`);
    };
    switch (name) {
      case "env":
        return env(text(0)) ?? "";
      case "file":
        return (await readFile(text(0)))?.trim() ?? "";
      case "time":
        return new TimeFunctions(now());
      case "default":
        return isTrue(given[1] ?? null) ? given[1]! : given[0] ?? null;
      case "join": {
        const [list] = given;
        return isList(list)
          ? list.map(print).join(text(1))
          : refuse("join wants a list");
      }
      case "split":
        return text(0).split(text(1));
      case "lower":
        return text(0).toLowerCase();
      case "upper":
        return text(0).toUpperCase();
      case "trimSpace":
        return text(0).trim();
      case "json":
        return `${JSON.stringify(given[0] ?? null)}\n`;
      case "jsonPretty":
        return `${JSON.stringify(given[0] ?? null, undefined, 2)}\n`;
      default:
        return builtIn(name, given);
    }
  }
}

/** Functions that Go itself has. */
function builtIn(name: string, given: readonly TemplateValue[]): TemplateValue {
  const [a = null, b = null] = given;
  switch (name) {
    case "not":
      return !isTrue(a);
    case "and":
      return given.find((value) => !isTrue(value)) ?? given.at(-1) ?? null;
    case "or":
      return given.find(isTrue) ?? given.at(-1) ?? null;
    case "eq":
      return given.slice(1).some((value) => value === a);
    case "ne":
      return a !== b;
    case "len":
      return typeof a === "string" || isList(a)
        ? a.length
        : refuse("len wants a list or a text");
    case "index":
      if (isList(a) && typeof b === "number" && a[b] !== undefined) return a[b];
      return isFields(a) && typeof b === "string" && Object.hasOwn(a, b)
        ? a[b]!
        : refuse("index names nothing");
    case "print":
      return given.map(print).join("");
    case "printf":
      return format(print(a), given.slice(1));
    default:
      return refuse(`there is no function ${name}`);
  }
}

function format(text: string, given: readonly TemplateValue[]): string {
  let next = 0;
  return text.replaceAll(/%(%|[-+ 0-9.]*[a-zA-Z])/g, (verb) => {
    if (verb === "%%") return "%";
    const value = print(given[next++] ?? null);
    if (/^%[svd]$/.test(verb)) return value;
    if (verb === "%q") return JSON.stringify(value);
    const padded = /^%0(\d{1,3})d$/.exec(verb);
    if (padded) return value.padStart(Number(padded[1]), "0");
    return refuse(`printf does not know ${verb} here`);
  });
}

function isList(value: unknown): value is readonly TemplateValue[] {
  return Array.isArray(value);
}

function isFields(
  value: TemplateValue,
): value is { readonly [field: string]: TemplateValue } {
  return typeof value === "object" && value !== null && !isList(value) &&
    !(value instanceof GoTime) && !(value instanceof TimeFunctions);
}

function isTrue(value: TemplateValue): boolean {
  if (isList(value)) return value.length > 0;
  return Boolean(value);
}

function print(value: TemplateValue): string {
  if (value === null) return "<no value>";
  if (isList(value)) return `[${value.map(print).join(" ")}]`;
  if (value instanceof GoTime) return value.toString();
  return typeof value === "object"
    ? refuse("an object is no text")
    : `${value}`;
}

function member(
  of: TemplateValue,
  name: string,
  given: readonly TemplateValue[],
): TemplateValue {
  if (of instanceof TimeFunctions && name === "Now") return of.now;
  if (of instanceof GoTime) return timeMember(of, name, given);
  if (of === null || typeof of !== "object" || isList(of)) {
    return refuse(`there is no .${name}`);
  }
  const value = Object.entries(of).find(([key]) => key === name)?.[1];
  if (value === undefined) return refuse(`there is no .${name}`);
  return given.length === 0 ? value : refuse(`.${name} takes nothing`);
}

function timeMember(
  time: GoTime,
  name: string,
  given: readonly TemplateValue[],
): TemplateValue {
  const [layout] = given;
  switch (name) {
    case "Format":
      return typeof layout === "string"
        ? time.format(layout)
        : refuse("Format wants a layout");
    case "UTC":
      return time.utc();
    case "Local":
      return time.local();
    case "Unix":
      return time.unix();
    case "AddDate": {
      const [y, m, d] = given.map(Number);
      return time.addDate(y ?? 0, m ?? 0, d ?? 0);
    }
    default:
      return refuse(`a time has no .${name} here`);
  }
}
