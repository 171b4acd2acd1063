/**
 * JSON of which every field must be known: in a file that decides what to
 * trust, a misspelt field must not be passed over.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";

/** An object of which the fields are taken one by one; the rest is refused. */
export class StrictObject {
  readonly #fields: Map<string, unknown>;
  /** Where it is, for messages. */
  readonly path: string;

  /** @throws {HangarError} `file` when it is no object */
  constructor(value: unknown, path: string) {
    this.path = path;
    if (!isJsonObject(value)) {
      throw new HangarError("file", `${path} is not an object`);
    }
    this.#fields = new Map(Object.entries(value));
  }

  /** Says what is wrong, and where. */
  refuse(why: string): never {
    throw new HangarError("file", `${this.path}: ${why}`);
  }

  /** Takes a field as it is; undefined when it is not there. */
  take(name: string): unknown {
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value;
  }

  /** Takes a text. */
  text(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === "string") return value;
    return this.refuse(`${name} is not a string`);
  }

  /** Takes a text that must be there. */
  wanted(name: string): string {
    return this.text(name) || this.refuse(`${name} is missing`);
  }

  /** Takes a list of texts, which may not be empty. */
  texts(name: string): string[] | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    return Array.isArray(value) && value.length > 0 &&
        value.every((item) => typeof item === "string")
      ? value
      : this.refuse(`${name} is not a list of strings`);
  }

  /** What has not been taken, by name. */
  rest(): ReadonlyMap<string, unknown> {
    return this.#fields;
  }

  /** Ends the reading: nothing may be left. */
  end(): void {
    const [unknown] = this.#fields.keys();
    if (unknown !== undefined) {
      this.refuse(`${JSON.stringify(unknown)} is not a field that is known`);
    }
  }
}
