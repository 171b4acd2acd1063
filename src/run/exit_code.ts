/**
 * What hangar ends with.
 *
 * @module
 */

/** Exit codes. */
export const ExitCode = {
  done: 0,
  someFailed: 1,
  usage: 2,
  interrupted: 130,
} as const;
