import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as openpgp from "openpgp";
import { HangarError } from "../../src/errors.ts";
import { Keyring } from "../../src/signatures/gpg.ts";
import { attack } from "./attack.ts";

const DAY = 86_400_000;
const CREATED = new Date(Date.now() - 30 * DAY);
const SIGNED = new Date(Date.now() - 25 * DAY);
const PAYLOAD = new TextEncoder().encode("payload");

type Key = openpgp.PrivateKey;

function makeKey(
  { expires, subkey = false, subkeyExpires }: {
    readonly expires?: number;
    readonly subkey?: boolean;
    readonly subkeyExpires?: number;
  } = {},
): Promise<Key> {
  return openpgp.generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name: "Ann", email: "ann@example.org" }],
    date: CREATED,
    keyExpirationTime: expires,
    subkeys: subkey ? [{ sign: true, keyExpirationTime: subkeyExpires }] : [],
    format: "object",
  }).then(({ privateKey }) => privateKey);
}

/** Signs as of a day when the key was good. */
async function signBackDated(key: Key): Promise<Uint8Array> {
  return await openpgp.sign({
    message: await openpgp.createMessage({ binary: PAYLOAD, date: SIGNED }),
    signingKeys: key,
    date: SIGNED,
    format: "binary",
  });
}

async function revoke(
  key: Key,
  flag: openpgp.enums.reasonForRevocation,
): Promise<openpgp.PublicKey> {
  const { publicKey } = await openpgp.revokeKey({
    key,
    reasonForRevocation: { flag },
    format: "object",
  });
  return publicKey;
}

function open(
  keys: readonly { write(): Uint8Array }[],
  signature: Uint8Array,
) {
  return Keyring.read(keys.map((key) => key.write()), "the keys")
    .then((keyring) => keyring.open(signature));
}

async function assertRefused(
  keys: readonly { write(): Uint8Array }[],
  signature: Uint8Array,
  why: string,
): Promise<void> {
  const error = await assertRejects(
    () => open(keys, signature),
    HangarError,
  );
  assertEquals(error.code, "invalid-signature");
  assertStringIncludes(error.message, why);
}

for (const subkey of [false, true]) {
  Deno.test(`gpg: a good key's signature of some days ago is accepted${subkey ? ", by a subkey too" : ""}`, async () => {
    const key = await makeKey({ subkey });
    const signature = await signBackDated(key);
    assertEquals(await open([key.toPublic()], signature), {
      data: PAYLOAD,
      fingerprint: key.getFingerprint(),
    });
  });

  attack(
    `a signature is dated back to before its key expired${
      subkey ? ", with a subkey" : ""
    }`,
    async () => {
      const key = await makeKey({ expires: 10 * 86_400, subkey });
      const signature = await signBackDated(key);
      await assertRefused([key.toPublic()], signature, "is expired");
    },
  );
}

attack("a signature is dated back to before its subkey expired", async () => {
  const key = await makeKey({ subkey: true, subkeyExpires: 10 * 86_400 });
  const signature = await signBackDated(key);
  await assertRefused([key.toPublic()], signature, "Subkey is expired");
});

for (
  const [name, flag] of [
    ["without a reason", openpgp.enums.reasonForRevocation.noReason],
    ["as superseded", openpgp.enums.reasonForRevocation.keySuperseded],
    ["as retired", openpgp.enums.reasonForRevocation.keyRetired],
    ["as compromised", openpgp.enums.reasonForRevocation.keyCompromised],
  ] as const
) {
  attack(
    `a signature is dated back to before its key was revoked ${name}`,
    async () => {
      const key = await makeKey();
      const signature = await signBackDated(key);
      const revoked = await revoke(key, flag);
      await assertRefused([revoked], signature, "revoked");
      await assertRefused([key.toPublic(), revoked], signature, "revoked");
      await assertRefused([revoked, key.toPublic()], signature, "revoked");
    },
  );

  attack(
    `a signature is dated back to before its subkey was revoked ${name}`,
    async () => {
      const key = await makeKey({ subkey: true });
      const signature = await signBackDated(key);
      const [subkey] = key.subkeys;
      key.subkeys = [
        await subkey!.revoke(
          key.keyPacket as openpgp.SecretKeyPacket,
          { flag },
        ),
      ];
      await assertRefused([key.toPublic()], signature, "revoked");
    },
  );
}
