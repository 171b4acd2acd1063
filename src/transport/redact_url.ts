/**
 * URLs as logs, errors and spans may show them.
 *
 * @module
 */

import { hideLogin } from "../errors.ts";

/** Parameters whose values say what was asked for, and are no secret. */
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
 * A parameter's name. A token that is the whole query, also one that ends in
 * the "=" of base64, must not be taken for one.
 */
const NAME = /^[A-Za-z_][A-Za-z_-]{0,31}$/;

/**
 * A URL for logs and errors: without user, password and fragment, and with the
 * values of its query hidden, since upload states and CDN signatures are
 * secrets.
 */
export function redactUrl(url: URL): string {
  const path = url.pathname.length > MAX_PATH
    ? `${url.pathname.slice(0, MAX_PATH)}…`
    : url.pathname;
  // What is no address of a host, such as data:, is content.
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

/** The same of what somebody wrote for a URL, in quotes. */
export function redactUrlText(text: string, base?: URL): string {
  if (URL.canParse(text)) return JSON.stringify(redactUrl(new URL(text)));
  if (base && URL.canParse(text, base)) {
    return JSON.stringify(redactUrl(new URL(text, base)));
  }
  return JSON.stringify(hideLogin(text).slice(0, 200));
}
