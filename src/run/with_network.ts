/**
 * A command that asks one registry.
 *
 * @module
 */

import type { RegistryAddress } from "../names/address.ts";
import { HangarError } from "../errors.ts";
import type { CliContext } from "../cli/context.ts";
import {
  connectNetwork,
  consoleFor,
  type ReachOptions,
} from "../cli/flags/network_options.ts";
import { ExitCode } from "./exit_code.ts";
import type { CredentialSource, Network } from "./network.ts";

/** Runs work with the network, ended by Ctrl-C. */
export async function withNetwork(
  options: ReachOptions,
  context: CliContext,
  address: RegistryAddress | undefined,
  work: (network: Network, signal: AbortSignal) => Promise<number>,
  credentials?: CredentialSource,
): Promise<number> {
  const log = consoleFor(options, context);
  const interrupt = new AbortController();
  const unlisten = context.onInterrupt(() =>
    interrupt.abort(new HangarError("interrupted", "interrupted"))
  );
  try {
    await using network = connectNetwork(
      options,
      [address],
      context,
      log,
      interrupt.signal,
      credentials,
    );
    return await work(network, interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) return ExitCode.interrupted;
    throw error;
  } finally {
    unlisten();
  }
}
