/**
 * The error when a program's signal ends the work.
 *
 * @module
 */

import { HangarError } from "../errors.ts";

/** The error `interrupted`; its cause is the signal's reason. */
export function interruption(signal: AbortSignal | undefined): HangarError {
  return new HangarError("interrupted", "interrupted", {
    cause: signal?.reason,
  });
}
