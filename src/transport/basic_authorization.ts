/**
 * Basic authentication (RFC 7617), of registries and of proxies.
 *
 * @module
 */

import { encodeBase64 } from "../base64.ts";

/** The value of `Authorization` or `Proxy-Authorization`; the text goes as UTF-8. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${encodeBase64(`${username}:${password}`)}`;
}
