/**
 * Distribution v3, the successor of Debian's `docker-registry`.
 *
 * @module
 */

import {
  type DockerRegistryOptions,
  type RealRegistry,
  startDockerRegistry,
} from "./docker_registry.ts";
import { optionalTool } from "./tools.ts";

/** Its path, where Go's programs take part. */
export const distributionProgram: string | undefined = optionalTool("registry");

/**
 * Starts it as `startDockerRegistry` starts the older one.
 *
 * @throws {Error} when it is not installed, or does not start
 */
export async function startDistribution(
  options: Omit<DockerRegistryOptions, "program"> = {},
): Promise<RealRegistry> {
  if (distributionProgram === undefined) {
    throw new Error("registry is not installed, or HANGAR_GO_INTEROP is not 1");
  }
  return await startDockerRegistry({
    ...options,
    program: distributionProgram,
  });
}
