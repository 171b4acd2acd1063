/**
 * One question to a registry, for programs.
 *
 * @module
 */

import { loadRoutes } from "../machine/registries_files.ts";
import { guardSpans } from "../machine/span_secrets.ts";
import { connectNetwork } from "../run/network/connect_network.ts";
import { Interrupt } from "../run/interrupt.ts";
import { consoleFor } from "../run/log_console.ts";
import type { LookOptions, NamedImage } from "../run/network/look_at_image.ts";
import { accessOf, processOf, reachOf } from "./access.ts";
import { inOptionTerms } from "./check_options.ts";
import { interruption } from "./interruption.ts";
import type { RegistryOptions } from "./options.ts";

/**
 * Connects, and asks.
 *
 * @param named gives the image or repository that is asked about
 * @throws {HangarError} `usage` for options that make no sense, `interrupted`
 * when the program's signal ends it, and what the question throws
 */
export async function askRegistry<T>(
  options: RegistryOptions,
  named: () => NamedImage,
  ask: (named: NamedImage, options: LookOptions) => Promise<T>,
): Promise<T> {
  try {
    const image = named();
    const process = processOf(options);
    await guardSpans(process.env);
    const reach = reachOf(options);
    const console = consoleFor(reach, process);
    const routes = await loadRoutes(process.env);
    using interrupt = new Interrupt(process.onInterrupt);
    const { signal } = interrupt;
    await using network = connectNetwork(
      reach,
      [image.address],
      accessOf(options, process),
      console,
      signal,
    );
    return await ask(image, {
      network,
      routes,
      warn: (message) => console.warn(message),
      signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw interruption(options.signal);
    throw inOptionTerms(error);
  }
}
