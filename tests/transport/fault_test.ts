import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { faultOf } from "../../src/transport/fault.ts";

const url = new URL("https://reg.example:9/v2/");

function raised(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

Deno.test("fault: a defect of the program is no fault of the network, and not tried again", () => {
  const nothing: Record<string, () => void> = {};
  const missing = raised(() => nothing["markAsUncloneable"]!());
  for (
    const error of [
      missing,
      new TypeError("fetch failed", { cause: missing }),
      raised(() => (undefined as unknown as { a: { b: 1 } }).a.b),
    ]
  ) {
    assertEquals(faultOf(error, "GET", url), error);
  }
});

Deno.test("fault: what fetch says of a broken connection is temporary", () => {
  for (
    const text of [
      "client error (SendRequest): connection closed before message completed",
      "error reading a body from connection",
      "client error (Connect): tcp connect error: Connection refused",
    ]
  ) {
    const fault = faultOf(
      new TypeError("error sending request", { cause: new Error(text) }),
      "GET",
      url,
    );
    assert(fault instanceof HangarError);
    assertEquals([fault.code, fault.temporary], ["network", true]);
  }
});

Deno.test("fault: a port that fetch refuses is told, and not tried again", async () => {
  const error = await fetch("http://127.0.0.1:9/").catch((error) => error);
  const fault = faultOf(error, "GET", url);
  assert(fault instanceof HangarError);
  assertEquals(fault.temporary, false);
  assertStringIncludes(fault.message, "port 9 is one that web clients refuse");
});

Deno.test("fault: each kind is told by its text, the first that fits", () => {
  const kinds: readonly [string, string, boolean, string][] = [
    ["unsuccessful tunnel", "network", true, "does not connect to reg.ex"],
    ["invalid peer certificate: UnknownIssuer", "tls", false, "UnknownIssuer"],
    // A certificate that is not trusted counts, also where TLS breaks off.
    ["bad certificate: tls handshake eof", "tls", false, "tls handshake eof"],
    ["received corrupt message", "tls", false, "does not answer in TLS"],
    ["tls handshake eof", "tls", true, "does not answer in TLS"],
    ["tcp connect error: ECONNREFUSED", "network", true, "connection refused"],
    [
      "dns error: failed to lookup: Name or service not known",
      "network",
      false,
      "host reg.example not found",
    ],
    [
      "dns error: failed to lookup: Temporary failure in name resolution",
      "network",
      true,
      "host reg.example not found: no name server answers",
    ],
    ["something new", "network", true, "something new"],
  ];
  for (const [text, code, temporary, message] of kinds) {
    const fault = faultOf(new TypeError(text), "GET", url);
    assert(fault instanceof HangarError);
    assertEquals([fault.code, fault.temporary], [code, temporary], text);
    assertStringIncludes(fault.message, "GET https://reg.example:9/v2/: ");
    assertStringIncludes(fault.message, message);
    assertEquals(fault.host, "reg.example:9");
  }
});
