/**
 * The variables of the environment that name proxies; apart from what reads
 * them, since every start looks at them.
 *
 * @module
 */

/** By the scheme of a URL, each in the order in which they are asked for. */
export const PROXY_NAMES = {
  http: ["HTTP_PROXY", "http_proxy"],
  https: ["HTTPS_PROXY", "https_proxy"],
  no: ["NO_PROXY", "no_proxy"],
} as const;

/** Every variable that some client would follow by itself. */
export const PROXY_VARIABLES: readonly string[] = [
  ...PROXY_NAMES.http,
  ...PROXY_NAMES.https,
  ...PROXY_NAMES.no,
  "ALL_PROXY",
  "all_proxy",
];
