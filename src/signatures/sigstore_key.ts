/**
 * Keys that sign images, as cosign and containers/image keep them: PKCS #8,
 * encrypted with nacl's secretbox under a key that scrypt derives from a
 * passphrase, in PEM (cosign's KEY_MANAGEMENT.md).
 *
 * @module
 */

import { xsalsa20poly1305 } from "@noble/ciphers/salsa";
import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  scryptSync,
  sign,
  verify,
} from "node:crypto";
import { decodeBase64, encodeBase64 } from "../base64.ts";
import { HangarError } from "../errors.ts";
import { isJsonObject, type JsonObject } from "../json.ts";
import { type PemBlock, pemBlocks, toPem } from "./pem.ts";

/**
 * The names that the PEM block of an encrypted private key may have. New ones get
 * the first, which older tools read too, and Go hangar writes.
 */
const PRIVATE_LABELS = [
  "ENCRYPTED COSIGN PRIVATE KEY",
  "ENCRYPTED SIGSTORE PRIVATE KEY",
];
/** Larger files are no keys. */
const MAX_PEM_CHARS = 64 * 1024;
/**
 * The costs that go-tuf and go-securesystemslib allow. A forged file with another
 * one could use up the memory.
 */
const SCRYPT_COSTS = [32_768, 65_536, 131_072];
const SCRYPT_MEMORY = 256 * 1024 * 1024;
/** What cosign writes today. */
const SCRYPT_COST = 65_536;

function refuse(what: string, hint?: string, cause?: unknown): never {
  throw new HangarError("key", what, { hint, cause });
}

/** A key that checks signatures. */
export class PublicKey {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  /** SubjectPublicKeyInfo in PEM. */
  get pem(): string {
    return String(this.#key.export({ type: "spki", format: "pem" }));
  }

  /** `sha256:` and the hash of its DER, in hex. */
  get fingerprint(): string {
    const der = this.#key.export({ type: "spki", format: "der" });
    return `sha256:${createHash("sha256").update(der).digest("hex")}`;
  }

  /** Whether the private half of this key made a signature over some bytes. */
  verify(bytes: Uint8Array, signature: Uint8Array): boolean {
    try {
      return verify(hashFor(this.#key), bytes, this.#key, signature);
    } catch {
      // The signature is malformed.
      return false;
    }
  }
}

/** Signs bytes, with a key at hand or by a service that keeps it. */
export interface PayloadSigner {
  /** Checks what {@linkcode PayloadSigner.sign} gives. */
  readonly publicKey: PublicKey;
  /** The signature over some bytes. */
  sign(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** A key that signs. */
export class SigningKey implements PayloadSigner {
  readonly #key: KeyObject;
  readonly publicKey: PublicKey;

  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = new PublicKey(createPublicKey(key));
  }

  /** Signs some bytes: ECDSA and RSA over their SHA-256, Ed25519 as they are. */
  sign(bytes: Uint8Array): Uint8Array {
    return sign(hashFor(this.#key), bytes, this.#key);
  }
}

function hashFor(key: KeyObject): string | null {
  return key.asymmetricKeyType === "ed25519" ? null : "sha256";
}

const USABLE = ["ec", "ed25519", "rsa"];

function checkKind(key: KeyObject, name: string): KeyObject {
  if (USABLE.includes(key.asymmetricKeyType ?? "")) return key;
  return refuse(
    `${name} is a key of kind ${key.asymmetricKeyType}`,
    `want one of ${USABLE.join(", ")}`,
  );
}

function blocksOf(text: string, name: string): PemBlock[] {
  if (text.length > MAX_PEM_CHARS) refuse(`${name} is too large to be a key`);
  return pemBlocks(text);
}

/**
 * Opens an encrypted private key.
 *
 * @param name what the key is called in messages, such as its path
 * @throws {HangarError} `key` when it is malformed, or the passphrase is wrong
 */
export function openPrivateKey(
  pem: string,
  passphrase: string,
  name: string,
): SigningKey {
  const block = blocksOf(pem, name)
    .find(({ label }) => PRIVATE_LABELS.includes(label));
  if (!block) {
    return refuse(
      `${name} is not an encrypted sigstore private key`,
      "make one with: hangar generate-sigstore-key",
    );
  }
  const der = decrypt(block.bytes, passphrase, name);
  try {
    const key = createPrivateKey({
      key: Buffer.from(der),
      type: "pkcs8",
      format: "der",
    });
    return new SigningKey(checkKind(key, name));
  } catch (cause) {
    if (cause instanceof HangarError) throw cause;
    return refuse(`${name} does not hold a private key`, undefined, cause);
  }
}

function decrypt(
  envelope: Uint8Array,
  passphrase: string,
  name: string,
): Uint8Array {
  const malformed = () => refuse(`${name} is malformed`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(envelope));
  } catch (cause) {
    refuse(`${name} is malformed`, undefined, cause);
  }
  const { kdf, cipher, ciphertext } = isJsonObject(json) ? json : {};
  if (!isJsonObject(kdf) || !isJsonObject(cipher)) return malformed();
  if (kdf["name"] !== "scrypt" || cipher["name"] !== "nacl/secretbox") {
    return refuse(
      `${name} is encrypted in a way that is not known`,
      "want scrypt and nacl/secretbox",
    );
  }
  const { N } = scryptParameters(kdf, name);
  const [salt, nonce, box] = [kdf["salt"], cipher["nonce"], ciphertext]
    .map((text) => typeof text === "string" ? bytesOf(text) : undefined);
  if (
    !salt || !nonce || !box || nonce.length !== 24 || box.length < 16
  ) {
    return malformed();
  }
  const key = deriveKey(passphrase, salt, N);
  try {
    return xsalsa20poly1305(key, nonce).decrypt(box);
  } catch (cause) {
    return refuse(
      `the passphrase for ${name} is wrong`,
      "give it by --sigstore-passphrase-file, COSIGN_PASSWORD, or at the prompt",
      cause,
    );
  }
}

/** Undefined for what is not base64. */
function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return decodeBase64(base64);
  } catch {
    return undefined;
  }
}

function scryptParameters(kdf: JsonObject, name: string): { N: number } {
  const params = isJsonObject(kdf["params"]) ? kdf["params"] : {};
  const { N, r, p } = params;
  if (
    typeof N !== "number" || !SCRYPT_COSTS.includes(N) || r !== 8 || p !== 1
  ) {
    return refuse(`${name} has scrypt parameters that are not known`);
  }
  return { N };
}

function deriveKey(
  passphrase: string,
  salt: Uint8Array,
  cost: number,
): Uint8Array {
  return scryptSync(passphrase, salt, 32, {
    N: cost,
    r: 8,
    p: 1,
    maxmem: SCRYPT_MEMORY,
  });
}

/** A new EC P-256 key pair, in PEM; the private half is encrypted. */
export function generateKeyPair(
  passphrase: string,
): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  });
  const salt = randomBytes(32);
  const nonce = randomBytes(24);
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  const box = xsalsa20poly1305(deriveKey(passphrase, salt, SCRYPT_COST), nonce)
    .encrypt(der);
  const envelope = JSON.stringify({
    kdf: {
      name: "scrypt",
      params: { N: SCRYPT_COST, r: 8, p: 1 },
      salt: encodeBase64(salt),
    },
    cipher: { name: "nacl/secretbox", nonce: encodeBase64(nonce) },
    ciphertext: encodeBase64(box),
  });
  return {
    privatePem: toPem({
      label: PRIVATE_LABELS[0]!,
      bytes: Buffer.from(envelope),
    }),
    publicPem: new PublicKey(publicKey).pem,
  };
}

/**
 * The public keys in a PEM text.
 *
 * @throws {HangarError} `key` when there is none, or one cannot be used
 */
export function parsePublicKeys(pem: string, name: string): PublicKey[] {
  const blocks = blocksOf(pem, name)
    .filter(({ label }) => label === "PUBLIC KEY");
  if (blocks.length === 0) refuse(`${name} holds no public key in PEM`);
  return blocks.map(({ bytes }) => {
    try {
      const key = createPublicKey({
        key: Buffer.from(bytes),
        type: "spki",
        format: "der",
      });
      return new PublicKey(checkKind(key, name));
    } catch (cause) {
      if (cause instanceof HangarError) throw cause;
      return refuse(`${name} does not hold a public key`, undefined, cause);
    }
  });
}
