/**
 * The names of Docker Hub. References, requests and auth files use different
 * ones.
 *
 * @module
 */

/** The registry of references that name none; its canonical name. */
export const DOCKER_HUB = "docker.io";

/** The host that answers its requests: `docker.io` itself is a website. */
const API_HOST = "registry-1.docker.io";

/** The key of its credentials in auth files, and its name for helpers. */
export const DOCKER_HUB_AUTH_KEY = "https://index.docker.io/v1/";

const NAMES: ReadonlySet<string> = new Set([
  DOCKER_HUB,
  "index.docker.io",
  API_HOST,
]);

/** The `host[:port]` that answers the requests for a registry. */
export function apiHostOf(registry: string): string {
  return registry === DOCKER_HUB ? API_HOST : registry;
}

/** A registry's `host[:port]` in lower case, and Docker Hub by its one name. */
export function canonicalRegistry(host: string): string {
  const lower = host.toLowerCase();
  return NAMES.has(lower) ? DOCKER_HUB : lower;
}
