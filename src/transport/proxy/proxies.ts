/**
 * Which requests go through a proxy: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`,
 * read as Go's programs read them (golang.org/x/net/http/httpproxy), so that
 * hangar goes the way of skopeo and podman.
 *
 * @module
 */

import { BlockList, isIP } from "node:net";
import { HangarError, printable } from "../../errors.ts";
import { basicAuthorization } from "../basic_authorization.ts";
import { PROXY_NAMES } from "./proxy_variables.ts";

/** A proxy. */
export interface Proxy {
  /** Where it is, without credentials: `http://proxy.example:3128`. */
  readonly url: string;
  /** `host:port`, or the host alone at the scheme's own port. */
  readonly host: string;
  readonly credentials?: {
    readonly username: string;
    readonly password: string;
  };
}

/** Whether a host, `host[:port]`, is this machine. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return name === "localhost" || name.endsWith(".localhost") ||
    name === "::1" || /^127(\.\d{1,3}){3}$/.test(name);
}

/** Decides about proxies. */
export class ProxyRules {
  readonly #http?: Proxy;
  readonly #https?: Proxy;
  readonly #exceptions: readonly Exception[];

  /**
   * @param env gives a variable of the environment
   * @throws {HangarError} `usage` when a variable is not the URL of a proxy
   */
  constructor(env: (name: string) => string | undefined) {
    const first = (names: readonly string[]) => {
      const name = names.find((name) => env(name));
      return name === undefined ? undefined : { name, value: env(name)! };
    };
    this.#http = parseProxy(first(PROXY_NAMES.http));
    this.#https = parseProxy(first(PROXY_NAMES.https));
    this.#exceptions = (first(PROXY_NAMES.no)?.value ?? "").split(/[\s,]+/)
      .filter(Boolean)
      .map(parseException);
  }

  /** The proxy for a URL; undefined when it is reached without one. */
  proxyFor(url: URL): Proxy | undefined {
    const proxy = url.protocol === "https:" ? this.#https : this.#http;
    if (!proxy || isLoopback(url.host)) return undefined;
    const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    const excepted = this.#exceptions.some((rule) =>
      (rule.port === undefined || rule.port === port) && rule.covers(host)
    );
    return excepted ? undefined : proxy;
  }
}

function parseProxy(
  variable: { readonly name: string; readonly value: string } | undefined,
): Proxy | undefined {
  if (!variable) return undefined;
  const { name, value } = variable;
  const text = value.includes("://") ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || !["http:", "https:"].includes(url.protocol)) {
    // Without credentials: all before the last "@" is left out.
    throw new HangarError(
      "usage",
      `${name} is ${
        JSON.stringify(printable(value.replace(/^.*@/, "…@"), 80))
      }, which is not a proxy: want http://HOST:PORT or https://HOST:PORT`,
    );
  }
  const { username, password, origin, host } = url;
  return {
    url: origin,
    host,
    credentials: username === "" ? undefined : {
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
    },
  };
}

/** One entry of `NO_PROXY`. */
interface Exception {
  readonly port?: string;
  covers(host: string): boolean;
}

function parseException(entry: string): Exception {
  if (entry === "*") return { covers: () => true };
  const cidr = /^([0-9A-Fa-f.:]+)\/(\d{1,3})$/.exec(entry);
  const family = cidr ? isIP(cidr[1]!) : 0;
  if (cidr && family !== 0 && Number(cidr[2]) <= (family === 4 ? 32 : 128)) {
    const type = family === 4 ? "ipv4" : "ipv6";
    const network = new BlockList();
    network.addSubnet(cidr[1]!, Number(cidr[2]), type);
    return {
      covers: (host) => isIP(host) === family && network.check(host, type),
    };
  }
  const bare = entry.replace(/^\[(.*)\]$/, "$1");
  const split = isIP(bare) === 6 ? undefined : /^(.*):(\d{1,5})$/.exec(entry);
  const port = split?.[2];
  const name = (split ? split[1]!.replace(/^\[|\]$/g, "") : bare)
    .toLowerCase();
  if (isIP(name)) return { port, covers: (host) => host === name };
  // "*.corp.example" and ".corp.example" leave out corp.example itself.
  const suffix = name.replace(/^\*(?=\.)/, "");
  return suffix.startsWith(".")
    ? { port, covers: (host) => host.endsWith(suffix) }
    : {
      port,
      covers: (host) => host === suffix || host.endsWith(`.${suffix}`),
    };
}

/** The `Proxy-Authorization` header for a proxy; undefined without credentials. */
export function proxyAuthorization({ credentials }: Proxy): string | undefined {
  return credentials &&
    basicAuthorization(credentials.username, credentials.password);
}

/**
 * Proxy variables for another client, with which it goes the same way to these
 * URLs.
 */
export function variablesFor(
  rules: ProxyRules,
  urls: readonly URL[],
): Record<string, string> {
  const variables: Record<string, string> = {};
  const direct: string[] = [];
  for (const url of urls) {
    const proxy = rules.proxyFor(url);
    if (!proxy) {
      direct.push(url.hostname);
      continue;
    }
    const full = new URL(proxy.url);
    full.username = encodeURIComponent(proxy.credentials?.username ?? "");
    full.password = encodeURIComponent(proxy.credentials?.password ?? "");
    variables[url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY"] =
      full.href;
  }
  if (Object.keys(variables).length > 0 && direct.length > 0) {
    variables["NO_PROXY"] = direct.join(",");
  }
  return variables;
}
