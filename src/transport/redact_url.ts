/**
 * URLs as logs, errors and spans may show them.
 *
 * @module
 */

import { hideLogin } from "../errors.ts";

/** Parameters whose values are not secret. */
const SHOWN = new Set([
  "n",
  "last",
  "mount",
  "from",
  "digest",
  "scope",
  "service",
]);

const MAX_PATH = 400;
const MAX_VALUE = 300;
const MAX_PARAMETERS = 20;

/**
 * A parameter's name. A query may be one token, which may end in the "=" of
 * base64: that must not count as a name.
 */
const NAME = /^[A-Za-z_][A-Za-z_-]{0,31}$/;

/**
 * A URL for logs and errors. It has no user, password and fragment, and the values
 * of its query are hidden: upload states and signatures of CDNs are secret.
 */
export function redactUrl(url: URL): string {
  const path = url.pathname.length > MAX_PATH
    ? `${url.pathname.slice(0, MAX_PATH)}…`
    : url.pathname;
  // A URL without a host, such as data:, is content.
  if (url.host === "" && url.protocol !== "file:") return `${url.protocol}…`;
  return `${url.protocol}//${url.host}${path}${redactQuery(url.search)}`;
}

function redactQuery(search: string): string {
  if (search.length < 2) return "";
  const parameters = search.slice(1).split("&", MAX_PARAMETERS).map((part) => {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals);
    const value = part.slice(equals + 1);
    if (equals < 0 || !NAME.test(name) || /^=*$/.test(value)) return "…";
    if (!SHOWN.has(name) || value.length > MAX_VALUE) return `${name}=…`;
    return `${name}=${new URLSearchParams(part).get(name)}`;
  });
  return `?${parameters.join("&")}`;
}

/** A text that should be a URL, for logs and errors, in quotes. */
export function redactUrlText(text: string, base?: URL): string {
  if (URL.canParse(text)) return JSON.stringify(redactUrl(new URL(text)));
  if (base && URL.canParse(text, base)) {
    return JSON.stringify(redactUrl(new URL(text, base)));
  }
  return JSON.stringify(hideLogin(text).slice(0, 200));
}
