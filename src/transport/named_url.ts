/**
 * URLs that a registry names: redirects, places of uploads, token servers. They
 * are checked before a request goes there.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import { redactUrl, redactUrlText } from "./redact_url.ts";

/** Names under which clouds keep their metadata servers. */
const METADATA_NAMES = new Set([
  "metadata",
  "metadata.goog",
  "metadata.google.internal",
  "instance-data",
  "instance-data.ec2.internal",
]);

/** IPv6 prefixes that carry an IPv4 address in their last 32 bits. */
const CARRIES_IPV4 =
  /^(?:0:0:0:0:0:(?:0|ffff)|0:0:0:0:ffff:0|64:ff9b:0:0:0:0):/;

/**
 * Whether a host is a link-local address, such as a cloud's metadata server,
 * or a name that means one. Other names are not resolved: the
 * answer may change before the request, and a proxy resolves names by itself.
 *
 * @param hostname of a `URL`, which writes every address in one form
 */
export function isLinkLocal(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$|\.$/g, "").toLowerCase();
  if (/^169\.254\./.test(host) || METADATA_NAMES.has(host)) return true;
  if (!host.includes(":")) return false;
  const groups = groupsOf(host);
  return /^fe[89ab][0-9a-f]:/.test(groups) ||
    CARRIES_IPV4.test(groups) && /:a9fe:[0-9a-f]+$/.test(groups) ||
    groups === "fd00:ec2:0:0:0:0:0:254";
}

/** All eight groups of an IPv6 address, which `URL` writes in short form. */
function groupsOf(host: string): string {
  const [head = "", tail] = host.split("::");
  if (tail === undefined) return head;
  const before = head.split(":").filter(Boolean);
  const after = tail.split(":").filter(Boolean);
  const zeros = Array(Math.max(0, 8 - before.length - after.length)).fill("0");
  return [...before, ...zeros, ...after].join(":");
}

/**
 * A URL that a registry sends its client to, resolved and checked.
 *
 * @throws {HangarError} `protocol` for other schemes, a step from https to
 * http, or a link-local address
 */
export function checkedTarget(location: string, from: URL): URL {
  const refuse = (why: string): never => {
    throw new HangarError(
      "protocol",
      `${redactUrl(from)} points to ${redactUrlText(location, from)}: ${why}`,
    );
  };
  const target = parsedUrl(location, from, refuse);
  if (from.protocol === "https:" && target.protocol === "http:") {
    return refuse(
      "a step from https to http is not followed (a proxy in front of the registry may lack X-Forwarded-Proto)",
    );
  }
  return target;
}

/**
 * The token server that a registry names, checked.
 *
 * @param registry the registry's own origin
 * @throws {HangarError} `protocol` for other schemes or a link-local address
 */
export function checkedRealm(realm: string, registry: URL): URL {
  const refuse = (why: string): never => {
    throw new HangarError(
      "protocol",
      `${registry.origin} names ${
        redactUrlText(realm)
      } as its token server: ${why}`,
    );
  };
  if (!URL.canParse(realm)) return refuse("not a URL");
  return parsedUrl(realm, registry, refuse);
}

function parsedUrl(
  text: string,
  from: URL,
  refuse: (why: string) => never,
): URL {
  if (!URL.canParse(text, from)) return refuse("not a URL");
  const target = new URL(text, from);
  if (target.protocol !== "https:" && target.protocol !== "http:") {
    return refuse("only http and https are followed");
  }
  // A registry with such an address may name itself.
  if (isLinkLocal(target.hostname) && target.host !== from.host) {
    return refuse("link-local addresses are not followed");
  }
  target.username = "";
  target.password = "";
  return target;
}
