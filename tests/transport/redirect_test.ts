import { assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { redactUrl } from "../../src/transport/redact_url.ts";
import { checkedTarget, isLinkLocal } from "../../src/transport/named_url.ts";
import { followRedirects } from "../../src/transport/redirect.ts";
import type { TransportRequest } from "../../src/transport/transport.ts";

/** Answers with a redirect for each location, then 200. */
function redirecting(...locations: string[]) {
  const seen: TransportRequest[] = [];
  const send = followRedirects((request) => {
    seen.push(request);
    const location = locations[seen.length - 1];
    return Promise.resolve(
      location === undefined
        ? new Response("ok")
        : new Response(null, { status: 307, headers: { location } }),
    );
  });
  return { send, seen };
}

const request = {
  method: "GET",
  url: new URL("https://reg.io/v2/a/blobs/x"),
  headers: { Authorization: "Bearer t", accept: "a" },
} as const;

Deno.test("redirect: on one origin credentials stay, on another they do not come back", async () => {
  const { send, seen } = redirecting(
    "/elsewhere",
    "https://cdn.io/x",
    "https://reg.io/y",
  );
  await (await send(request)).body?.cancel();
  assertEquals(
    seen.map((r) => [r.url.href, r.headers?.["Authorization"]]),
    [
      ["https://reg.io/v2/a/blobs/x", "Bearer t"],
      ["https://reg.io/elsewhere", "Bearer t"],
      ["https://cdn.io/x", undefined],
      ["https://reg.io/y", undefined],
    ],
  );
  assertEquals(seen.at(-1)?.headers?.["accept"], "a");
});

Deno.test("redirect: the sixth is too many", async () => {
  const { send, seen } = redirecting(...Array(9).fill("/again"));
  await assertRejects(() => send(request), HangarError, "more than 5");
  assertEquals(seen.length, 6);
});

for (
  const location of [
    "http://reg.io/x",
    "ftp://reg.io/x",
    "file:///etc/passwd",
    "https://169.254.169.254/latest",
    "https://2852039166/latest",
    "https://[fe80::1]/x",
    "https://[::ffff:169.254.169.254]/x",
  ]
) {
  Deno.test(`redirect: ${location} is not followed`, async () => {
    const { send, seen } = redirecting(location);
    const error = await assertRejects(() => send(request), HangarError);
    assertEquals([error.code, seen.length], ["protocol", 1]);
  });
}

Deno.test("redirect: a POST is not turned into a GET", async () => {
  const send = followRedirects(() =>
    Promise.resolve(
      new Response(null, { status: 302, headers: { location: "/x" } }),
    )
  );
  assertEquals((await send({ ...request, method: "POST" })).status, 302);
});

Deno.test("redirect: credentials in a Location are dropped", () => {
  assertEquals(
    checkedTarget("https://u:p@cdn.io/x", request.url).href,
    "https://cdn.io/x",
  );
});

Deno.test("link-local: the ranges and nothing else", () => {
  assertEquals(
    [
      "169.254.0.1",
      "[fe80::1]",
      "[febf::1]",
      "169.253.1.1",
      "[fec0::1]",
      "a.io",
    ]
      .map(isLinkLocal),
    [true, true, true, false, false, false],
  );
});

Deno.test("redacted: userinfo and secret parameters are not shown", () => {
  assertEquals(
    redactUrl(new URL("https://u:p@h.io/x?_state=secret&digest=d&X-Sig=s")),
    "https://h.io/x?_state=…&digest=d&X-Sig=…",
  );
});
