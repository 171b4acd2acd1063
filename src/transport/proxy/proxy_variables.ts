/**
 * The variables of the environment that name proxies. Every start needs these
 * names, so they are apart from the code that reads the values.
 *
 * @module
 */

/** By the scheme of a URL; the first variable that is set counts. */
export const PROXY_NAMES = {
  http: ["HTTP_PROXY", "http_proxy"],
  https: ["HTTPS_PROXY", "https_proxy"],
  no: ["NO_PROXY", "no_proxy"],
} as const;

/** Every variable that some HTTP client reads by itself. */
export const PROXY_VARIABLES: readonly string[] = [
  ...PROXY_NAMES.http,
  ...PROXY_NAMES.https,
  ...PROXY_NAMES.no,
  "ALL_PROXY",
  "all_proxy",
];
