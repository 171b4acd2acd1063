/**
 * The error of what a program's signal ended.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** Its cause is the signal's reason. */
export function interruption(signal: AbortSignal | undefined): HangarError {
  return new HangarError("interrupted", "interrupted", {
    cause: signal?.reason,
  });
}
