/**
 * JSON as it was parsed: objects whose values nothing has checked yet.
 *
 * @module
 */

/** A JSON object as parsed, its values unchecked. */
export type JsonObject = { readonly [key: string]: unknown };

/** Whether a JSON value is an object: no list, and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
