/**
 * JSON, as templates take it.
 *
 * @module
 */

import { isJsonObject } from "../../json.ts";
import type { TemplateValue } from "./run_template.ts";

/** A JSON value for a template; what is no JSON is nothing. */
export function templateValue(value: unknown): TemplateValue {
  if (Array.isArray(value)) return value.map(templateValue);
  if (isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, templateValue(one)]),
    );
  }
  return typeof value === "string" || typeof value === "number" ||
      typeof value === "boolean"
    ? value
    : null;
}
