/**
 * Real registries and clients for tests: what the others understand.
 *
 * @module
 */

export {
  type DockerRegistryOptions,
  type LoggedRequest,
  RealRegistry,
  startDockerRegistry,
} from "./support/docker_registry.ts";
export {
  type ImageData,
  type ManifestData,
  pushImage,
} from "./support/push_image.ts";
export {
  interopIgnored,
  requireTool,
  run,
  type RunOptions,
  type RunResult,
  skopeo,
} from "./support/tools.ts";
