/**
 * The shells that words are completed in.
 *
 * @module
 */

/** The shells that there are completion scripts for. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];
