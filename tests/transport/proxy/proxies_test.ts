import { assertEquals, assertThrows } from "@std/assert";
import { HangarError } from "../../../src/errors.ts";
import {
  proxyAuthorization,
  ProxyRules,
  variablesFor,
} from "../../../src/transport/proxy/proxies.ts";

function rules(variables: Record<string, string>): ProxyRules {
  return new ProxyRules((name) => variables[name]);
}

function way(variables: Record<string, string>, url: string) {
  return rules(variables).proxyFor(new URL(url))?.url;
}

const BOTH = {
  HTTP_PROXY: "http://plain.example:3128",
  HTTPS_PROXY: "https://secure.example:3129",
};

Deno.test("proxies: the scheme of the URL chooses the variable", () => {
  assertEquals(way(BOTH, "http://reg.io/v2/"), "http://plain.example:3128");
  assertEquals(way(BOTH, "https://reg.io/v2/"), "https://secure.example:3129");
  assertEquals(way({ HTTP_PROXY: "p:1" }, "https://reg.io/"), undefined);
  assertEquals(way({}, "https://reg.io/"), undefined);
});

Deno.test("proxies: lower case counts where upper case is not set", () => {
  assertEquals(
    way({ https_proxy: "http://low:1" }, "https://reg.io/"),
    "http://low:1",
  );
  assertEquals(
    way(
      { https_proxy: "http://low:1", HTTPS_PROXY: "http://up:1" },
      "https://reg.io/",
    ),
    "http://up:1",
  );
  assertEquals(
    way({ ...BOTH, no_proxy: "reg.io" }, "https://reg.io/"),
    undefined,
  );
});

Deno.test("proxies: an address without scheme is reached by HTTP", () => {
  assertEquals(
    way({ HTTPS_PROXY: "proxy:3128" }, "https://r.io"),
    "http://proxy:3128",
  );
});

Deno.test("proxies: loopback is never proxied", () => {
  for (
    const host of [
      "localhost",
      "localhost:5000",
      "x.localhost",
      "127.0.0.1:5000",
      "127.9.9.9",
      "[::1]:5000",
    ]
  ) assertEquals(way(BOTH, `http://${host}/`), undefined, host);
});

Deno.test("proxies: what NO_PROXY covers", () => {
  const cases: [string, string, boolean][] = [
    ["*", "https://any.io/", true],
    ["reg.io", "https://reg.io/", true],
    ["reg.io", "https://eu.reg.io/", true],
    ["reg.io", "https://myreg.io/", false],
    ["REG.io", "https://reg.IO/", true],
    [".reg.io", "https://eu.reg.io/", true],
    [".reg.io", "https://reg.io/", false],
    ["*.reg.io", "https://eu.reg.io/", true],
    ["*.reg.io", "https://reg.io/", false],
    ["reg.io:5000", "https://reg.io:5000/", true],
    ["reg.io:5000", "https://reg.io/", false],
    ["reg.io:443", "https://reg.io/", true],
    ["reg.io:80", "http://reg.io/", true],
    [".reg.io:5000", "https://eu.reg.io:5000/", true],
    ["10.0.0.0/8", "https://10.1.2.3:5000/", true],
    ["10.0.0.0/8", "https://11.1.2.3/", false],
    ["10.0.0.0/8", "https://10.example/", false],
    ["10.0.0.0/33", "https://10.0.0.0/", false],
    ["fd00::/8", "https://[fd12::1]/", true],
    ["fd00::/8", "https://[fe80::1]/", false],
    ["192.168.1.7", "https://192.168.1.7/", true],
    ["192.168.1.7:5000", "https://192.168.1.7:5000/", true],
    ["192.168.1.7", "https://2.192.168.1.7.nip.io/", false],
    ["::1:2", "https://[::1:2]/", true],
    ["[fd12::1]:5000", "https://[fd12::1]:5000/", true],
    ["[fd12::1]:5000", "https://[fd12::1]/", false],
    ["a.io, b.io", "https://b.io/", true],
    ["a.io b.io", "https://b.io/", true],
    [",,", "https://b.io/", false],
  ];
  for (const [NO_PROXY, url, direct] of cases) {
    assertEquals(
      way({ ...BOTH, NO_PROXY }, url) === undefined,
      direct,
      `${NO_PROXY} ${url}`,
    );
  }
});

Deno.test("proxies: credentials are kept apart from the address", () => {
  const proxy = rules({ HTTPS_PROXY: "http://me:p%40ss@proxy:3128" })
    .proxyFor(new URL("https://r.io"))!;
  assertEquals(proxy.url, "http://proxy:3128");
  assertEquals(proxyAuthorization(proxy), `Basic ${btoa("me:p@ss")}`);
});

Deno.test("proxies: what is no proxy is refused, without its password", () => {
  for (
    const value of ["socks5://me:secret@proxy:1", "http://", "me:secret@:x"]
  ) {
    const error = assertThrows(
      () => rules({ HTTPS_PROXY: value }),
      HangarError,
      "HTTPS_PROXY is",
    );
    assertEquals(error.code, "usage");
    assertEquals(error.message.includes("secret"), false, error.message);
  }
});

Deno.test("proxies: another client's variables give the same decisions", () => {
  const urls = ["https://fulcio.corp/", "https://rekor.example/"]
    .map((url) => new URL(url));
  assertEquals(
    variablesFor(
      rules({ HTTPS_PROXY: "http://me:p@px:1", NO_PROXY: ".corp" }),
      urls,
    ),
    { HTTPS_PROXY: "http://me:p@px:1/", NO_PROXY: "fulcio.corp" },
  );
  assertEquals(variablesFor(rules({}), urls), {});
});
