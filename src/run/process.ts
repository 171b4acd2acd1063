/**
 * What a run needs from the process around it.
 *
 * @module
 */

import type { KeychainEnvironment } from "../auth/keychain.ts";
import type { Env } from "../machine/certs_d.ts";
import type { Prompt } from "../machine/signing_key.ts";
import type { RetrierOptions } from "../transport/retry.ts";

export type { Prompt };

/** Calls back at the first Ctrl-C; the returned function stops listening. */
export type OnInterrupt = (callback: () => void) => () => void;

/** Where log lines go. */
export interface LogOutput {
  readonly stderr: (text: string) => void;
  /** Whether log lines may be coloured. */
  readonly color: boolean;
  /** How large the terminal is that shows log lines; undefined without one. */
  readonly terminalSize?: () => {
    readonly columns: number;
    readonly rows: number;
  };
}

/** The environment that says how the user reaches registries. */
export interface UserSettings {
  readonly env: Env;
  readonly keychain: KeychainEnvironment;
  /** The waits between attempts, where they differ from the usual ones. */
  readonly retry?: RetrierOptions;
  /**
   * From which size on the digest of a blob may be left to the destination, in
   * bytes, where it differs from the usual one.
   */
  readonly verifyFromBytes?: number;
}

/** The process, as a run on a list sees it. */
export interface RunProcess extends LogOutput, UserSettings {
  /**
   * Writes text, or bytes as they are; false when nothing reads them any more.
   */
  readonly stdout: (output: string | Uint8Array) => boolean | void;
  /** Standard input, whole. */
  readonly stdin: () => Promise<Uint8Array>;
  readonly prompt: Prompt;
  readonly onInterrupt: OnInterrupt;
  /** Milliseconds since the epoch; the usual clock without it. */
  readonly now?: () => number;
}
