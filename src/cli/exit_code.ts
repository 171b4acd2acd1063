/**
 * The exit codes of the commands, which the manual lists.
 *
 * @module
 */

/** How a command ended. */
export const ExitCode = {
  done: 0,
  someFailed: 1,
  usage: 2,
  interrupted: 130,
} as const;
