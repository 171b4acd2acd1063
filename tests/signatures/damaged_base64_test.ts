import { assertEquals, assertThrows } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { pemBlocks, pemBytes, toPem } from "../../src/signatures/pem.ts";
import { verifyRekorSet } from "../../src/signatures/rekor_set.ts";

const NOTHING = new Uint8Array();

Deno.test("a log's promise whose timestamp is not base64 is refused", () => {
  const promise = (stamp: string) =>
    JSON.stringify({
      SignedEntryTimestamp: stamp,
      Payload: { body: "", integratedTime: 1, logIndex: 1, logID: "" },
    });
  const verify = (stamp: string) =>
    verifyRekorSet(promise(stamp), [], {
      keyPem: "",
      signature: NOTHING,
      payload: NOTHING,
    });
  assertThrows(
    () => verify("AAAA*"),
    HangarError,
    "has a timestamp that is not base64",
  );
  assertThrows(() => verify(""), HangarError, "has no timestamp");
  assertThrows(() => verify("AAAA"), HangarError, "not signed by the log");
});

Deno.test("a damaged block of PEM has no content, and takes no place of another", () => {
  const good = toPem({ label: "KEY", bytes: Uint8Array.of(1, 2, 3) });
  const damaged = good.replace("AQID", "AQI=D");
  assertEquals(pemBytes(good), Uint8Array.of(1, 2, 3));
  assertEquals(pemBytes(good.replace("AQID", "AQ\r\nID")), pemBytes(good));
  assertEquals(pemBytes(damaged), NOTHING);
  assertEquals(pemBlocks(damaged + good).length, 2);
  assertEquals(pemBytes(damaged + good), undefined);
});
