import { assert, assertEquals, assertThrows } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { HangarError } from "../../src/errors.ts";
import {
  generateKeyPair,
  openPrivateKey,
  parsePublicKeys,
} from "../../src/signatures/sigstore_key.ts";
import {
  COSIGN_KEY,
  COSIGN_PASSPHRASE,
  COSIGN_PUB,
} from "../support/cosign_key.ts";

const bytes = new TextEncoder().encode("something to sign");

Deno.test("sigstore key: what is made can be opened, signs, and is checked by its public half", () => {
  const { privatePem, publicPem } = generateKeyPair("pass ü");
  const key = openPrivateKey(privatePem, "pass ü", "k");
  const signature = key.sign(bytes);
  const [pub] = parsePublicKeys(publicPem, "k.pub");
  assert(pub!.verify(bytes, signature));
  assert(!pub!.verify(new Uint8Array([1]), signature));
  assert(!pub!.verify(bytes, signature.slice(1)));
  assert(!pub!.verify(bytes, new Uint8Array()));
  assertEquals(key.publicKey.pem, publicPem);
});

for (const label of ["SIGSTORE", "COSIGN"]) {
  Deno.test(`sigstore key: cosign's key is opened, as ENCRYPTED ${label} PRIVATE KEY`, () => {
    const pem = COSIGN_KEY.replaceAll("SIGSTORE", label);
    const key = openPrivateKey(pem, COSIGN_PASSPHRASE, "cosign.key");
    assertEquals(key.publicKey.pem, COSIGN_PUB);
  });
}

const envelope = (change: (json: Record<string, unknown>) => void) => {
  const json = JSON.parse(
    atob(COSIGN_KEY.replaceAll(/-----[^-]*-----|\s/g, "")),
  );
  change(json);
  return `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${
    btoa(JSON.stringify(json))
  }\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
};

for (
  const [name, pem, passphrase, says] of [
    [
      "a wrong passphrase",
      COSIGN_KEY,
      "wrong",
      "the passphrase for k is wrong",
    ],
    ["an empty passphrase", COSIGN_KEY, "", "the passphrase for k is wrong"],
    ["no PEM", "hello", "pw", "k is not an encrypted sigstore private key"],
    ["a public key", COSIGN_PUB, "pw", "not an encrypted sigstore private key"],
    ["a cut file", COSIGN_KEY.slice(0, 300), "pw", "not an encrypted"],
    [
      "a cut ciphertext",
      envelope((json) => json["ciphertext"] = "AAAA"),
      "pw",
      "malformed",
    ],
    ["no kdf", envelope((json) => delete json["kdf"]), "pw", "malformed"],
    [
      "another cipher",
      envelope((json) => json["cipher"] = { name: "rot13", nonce: "" }),
      "pw",
      "encrypted in a way that is not known",
    ],
    [
      "scrypt that wants all memory",
      envelope((json) => {
        json["kdf"] = {
          name: "scrypt",
          params: { N: 2 ** 30, r: 8, p: 1 },
          salt: "AAAA",
        };
      }),
      "pw",
      "scrypt parameters that are not known",
    ],
    ["a huge file", `${COSIGN_KEY}${" ".repeat(100_000)}`, "pw", "too large"],
  ] as const
) {
  Deno.test(`sigstore key: ${name} is one clear error`, () => {
    const error = assertThrows(
      () => openPrivateKey(pem, passphrase, "k"),
      HangarError,
      says,
    );
    assertEquals(error.code, "key");
  });
}

for (const kind of ["ed25519", "rsa", "ec"] as const) {
  Deno.test(`sigstore key: public keys of kind ${kind} are read`, () => {
    const { publicKey } = kind === "ed25519"
      ? generateKeyPairSync("ed25519")
      : kind === "rsa"
      ? generateKeyPairSync("rsa", { modulusLength: 2048 })
      : generateKeyPairSync("ec", { namedCurve: "P-384" });
    const pem = String(publicKey.export({ type: "spki", format: "pem" }));
    assertEquals(parsePublicKeys(pem, "k")[0]!.pem, pem);
  });
}

Deno.test("sigstore key: a file without a public key says so", () => {
  assertThrows(
    () => parsePublicKeys(COSIGN_KEY, "k"),
    HangarError,
    "k holds no",
  );
});
