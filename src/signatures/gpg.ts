/**
 * GPG simple signing: a signed OpenPGP message around the payload
 * (containers-signature(5)).
 *
 * @module
 */

import * as openpgp from "openpgp";
import { counted } from "../counted.ts";
import { describeError, HangarError } from "../errors.ts";

/** The largest message, in bytes, after it is decompressed. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Signed content, and the key that signed it. */
export interface OpenedMessage {
  readonly data: Uint8Array;
  /** Of the primary key, in hex. */
  readonly fingerprint: string;
}

/** Public keys that verify signatures. */
export class Keyring {
  readonly #keys: readonly openpgp.PublicKey[];

  private constructor(keys: readonly openpgp.PublicKey[]) {
    this.#keys = keys;
  }

  /**
   * Reads public keys, in armor or in binary.
   *
   * @throws {HangarError} `key` when there are none
   */
  static async read(
    files: readonly Uint8Array[],
    name: string,
  ): Promise<Keyring> {
    const keys = new Map<string, openpgp.PublicKey>();
    for (const bytes of files) {
      const text = new TextDecoder().decode(bytes.subarray(0, 4096));
      try {
        const read = text.includes("-----BEGIN PGP")
          ? await openpgp.readKeys({
            armoredKeys: new TextDecoder().decode(bytes),
          })
          : await openpgp.readKeys({ binaryKeys: bytes });
        for (const key of read) {
          // A second copy of a key may have a revocation. As in gpg's keyring,
          // the copies are merged.
          const known = keys.get(key.getFingerprint());
          const merged = known ? await known.update(key) : key;
          keys.set(key.getFingerprint(), merged.toPublic());
        }
      } catch (cause) {
        throw new HangarError(
          "key",
          `${name} holds no GPG public key: ${describeError(cause)}`,
          { cause },
        );
      }
    }
    return new Keyring([...keys.values()]);
  }

  /**
   * The signed content.
   *
   * @throws {HangarError} `invalid-signature` unless one of the keys made it,
   * and that key is good today
   */
  async open(signature: Uint8Array): Promise<OpenedMessage> {
    try {
      const message = await openpgp.readMessage({
        binaryMessage: signature,
        config: { maxDecompressedMessageSize: MAX_MESSAGE_BYTES },
      });
      const { data, signatures } = await openpgp.verify({
        message,
        verificationKeys: [...this.#keys],
        format: "binary",
      });
      const [only, ...more] = signatures;
      if (!only || more.length > 0) {
        throw new HangarError(
          "invalid-signature",
          `the GPG signature holds ${
            counted(signatures.length, "signature")
          }, want one`,
        );
      }
      await only.verified;
      return { data, fingerprint: await this.#checkKey(only.keyID) };
    } catch (cause) {
      if (cause instanceof HangarError) throw cause;
      throw new HangarError(
        "invalid-signature",
        `the GPG signature is not good: ${describeError(cause)}`,
        { cause },
      );
    }
  }

  /**
   * Checks that a key is neither revoked nor expired today. The time in the
   * signature proves nothing: its maker chooses it, and may have stolen the
   * key.
   *
   * @returns the fingerprint of its primary key
   */
  async #checkKey(keyId: openpgp.KeyID): Promise<string> {
    const now = new Date();
    let fingerprint = "";
    for (const key of this.#keys) {
      for (const one of key.getKeys(keyId)) {
        await key.verifyPrimaryKey(now);
        if (one instanceof openpgp.Subkey) await one.verify(now);
        fingerprint = key.getFingerprint();
      }
    }
    return fingerprint;
  }
}
