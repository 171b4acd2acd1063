/**
 * Work with the network that Ctrl-C ends.
 *
 * @module
 */

import type { RegistryAddress } from "../../names/address.ts";
import {
  connectNetwork,
  type ReachOptions,
  type RegistryAccess,
  usersAccess,
} from "./connect_network.ts";
import { ExitCode } from "../exit_code.ts";
import { Interrupt } from "../interrupt.ts";
import { consoleFor, type LogOptions } from "../log_console.ts";
import type { Network } from "./network.ts";
import type { LogOutput, OnInterrupt, UserSettings } from "../process.ts";

/** What such work needs from the process. */
export interface NetworkProcess extends LogOutput, UserSettings {
  readonly onInterrupt: OnInterrupt;
}

/**
 * Runs work that asks one registry.
 *
 * @param address may say how the registry is reached
 * @param access replaces parts of the user's own access
 * @returns the exit code of the work, unless it was interrupted
 */
export async function withNetwork(
  options: ReachOptions & LogOptions,
  process: NetworkProcess,
  address: RegistryAddress | undefined,
  work: (network: Network, signal: AbortSignal) => Promise<number>,
  access: Partial<RegistryAccess> = {},
): Promise<number> {
  using interrupt = new Interrupt(process.onInterrupt);
  const { signal } = interrupt;
  try {
    await using network = connectNetwork(
      options,
      [address],
      { ...usersAccess(process), ...access },
      consoleFor(options, process),
      signal,
    );
    return await work(network, signal);
  } catch (error) {
    if (signal.aborted) return ExitCode.interrupted;
    throw error;
  }
}
