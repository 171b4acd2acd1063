import { assertEquals, assertThrows } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { digestOf } from "../../src/oci/digest.ts";
import {
  describeSignature,
  makePayload,
  parsePayload,
  signatureOf,
} from "../../src/signatures/simple_signing.ts";

const DIGEST = digestOf(new Uint8Array());
const REFERENCE = "reg.example/corp/app:v1";

const encode = (json: unknown) =>
  new TextEncoder().encode(
    typeof json === "string" ? json : JSON.stringify(json),
  );

const good = () => ({
  critical: {
    identity: { "docker-reference": REFERENCE },
    image: { "docker-manifest-digest": DIGEST as string },
    type: "cosign container image signature",
  },
  optional: null as unknown,
});

Deno.test("simple signing: a payload says what it was made for, and is the same each time", () => {
  const claim = { reference: REFERENCE, digest: DIGEST };
  assertEquals(makePayload(claim), makePayload(claim));
  assertEquals(parsePayload(makePayload(claim)), {
    ...claim,
    type: "cosign container image signature",
  });
});

for (const optional of [null, {}, { creator: "cosign", timestamp: 1 }]) {
  Deno.test(`simple signing: the optional part may be ${JSON.stringify(optional)}`, () => {
    assertEquals(
      parsePayload(encode({ ...good(), optional })).digest,
      DIGEST,
    );
  });
}

const altered = (change: (json: ReturnType<typeof good>) => void) => {
  const json = good();
  change(json);
  return json;
};

for (
  const [name, payload] of [
    ["text", "hello"],
    ["a list", []],
    ["cut JSON", JSON.stringify(good()).slice(0, -5)],
    ["no optional part", { critical: good().critical }],
    ["an optional part that is a text", { ...good(), optional: "x" }],
    ["one more field", { ...good(), extra: 1 }],
    [
      "one more critical field",
      { ...good(), critical: { ...good().critical, expires: 1 } },
    ],
    ["another type", altered((j) => j.critical.type = "other")],
    [
      "no digest",
      altered((j) => j.critical.image["docker-manifest-digest"] = "sha256:1"),
    ],
    [
      "a name that is no text",
      {
        ...good(),
        critical: { ...good().critical, identity: { "docker-reference": 1 } },
      },
    ],
  ] as const
) {
  Deno.test(`simple signing: a payload with ${name} is refused`, () => {
    const error = assertThrows(
      () => parsePayload(encode(payload)),
      HangarError,
    );
    assertEquals(error.code, "invalid-signature");
  });
}

Deno.test("simple signing: a layer bears its signature", () => {
  const layer = describeSignature(encode(good()), new Uint8Array([1, 2, 255]));
  assertEquals(signatureOf(layer), new Uint8Array([1, 2, 255]));
  assertEquals(
    signatureOf({
      ...layer,
      annotations: { "dev.cosignproject.cosign/signature": "%%" },
    }),
    undefined,
  );
  assertEquals(signatureOf({ ...layer, mediaType: "text/plain" }), undefined);
});
