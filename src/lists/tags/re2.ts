/**
 * Regular expressions as Go has them, which always end in time.
 *
 * @module
 */

import { RE2JS } from "re2js";
import { HangarError } from "../../errors.ts";
import type { TagPattern } from "./glob.ts";

/** Longer than expressions on tags are. */
const MAX_EXPRESSION = 4096;

/**
 * Compiles an expression that is found anywhere in a name, unless it is
 * anchored.
 *
 * @throws {HangarError} `usage`
 */
export function compileExpression(
  source: string,
  compiled = source,
): TagPattern {
  if (source.length > MAX_EXPRESSION) {
    throw new HangarError(
      "usage",
      `the expression is longer than ${MAX_EXPRESSION} characters`,
    );
  }
  try {
    const expression = RE2JS.compile(compiled);
    return {
      source,
      matches: (name) => expression.matcher(name).find(),
    };
  } catch (cause) {
    throw new HangarError(
      "usage",
      `${JSON.stringify(source)} is not a regular expression of Go's: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
}

/**
 * Compiles an expression of regsync's, which puts `^` and `$` around it. Of
 * `a|b` they bind only to the first and to the last part.
 *
 * @throws {HangarError} `usage`
 */
export function compileAnchored(source: string): TagPattern {
  return compileExpression(source, `^${source}$`);
}
