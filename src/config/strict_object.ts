/**
 * JSON in which every field must be known. A misspelt field in a file that decides
 * about trust is an error.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { isJsonObject } from "../json.ts";

/** An object whose fields are taken one by one. What is left is an error. */
export class StrictObject {
  readonly #fields: Map<string, unknown>;
  /** Where it is, for messages. */
  readonly path: string;

  /** @throws {HangarError} `file` when it is not an object */
  constructor(value: unknown, path: string) {
    this.path = path;
    if (!isJsonObject(value)) {
      throw new HangarError("file", `${path} is not an object`);
    }
    this.#fields = new Map(Object.entries(value));
  }

  /** Throws the error for this object. */
  refuse(why: string): never {
    throw new HangarError("file", `${this.path}: ${why}`);
  }

  /** Takes a field as it is; undefined when it is missing. */
  take(name: string): unknown {
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value;
  }

  /** Takes a string; undefined when it is missing. */
  text(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === "string") return value;
    return this.refuse(`${name} is not a string`);
  }

  /** Takes a string that must not be missing or empty. */
  wanted(name: string): string {
    return this.text(name) || this.refuse(`${name} is missing`);
  }

  /** Takes a list of strings, which may not be empty. */
  texts(name: string): string[] | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    return Array.isArray(value) && value.length > 0 &&
        value.every((item) => typeof item === "string")
      ? value
      : this.refuse(`${name} is not a list of strings`);
  }

  /** The fields that are not taken yet, by name. */
  rest(): ReadonlyMap<string, unknown> {
    return this.#fields;
  }

  /** Ends the reading. @throws {HangarError} `file` when a field is left */
  end(): void {
    const [unknown] = this.#fields.keys();
    if (unknown !== undefined) {
      this.refuse(`${JSON.stringify(unknown)} is not a known field`);
    }
  }
}
