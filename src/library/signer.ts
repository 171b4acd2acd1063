/**
 * The signer that a program gives.
 *
 * @module
 */

import { HangarError } from "../errors.ts";
import type { Env } from "../machine/certs_d.ts";
import { makeSigners, type Signers } from "../run/make_signer.ts";
import type { PayloadSigner } from "../signatures/sigstore_key.ts";
import { ProxyRules } from "../transport/proxy/proxies.ts";
import { oneOf } from "./check_options.ts";
import type { KeySigner, SignerRole } from "./options.ts";

/** The name of a {@linkcode KeySigner}'s key in messages. */
const KEY_NAME = "the signer.key option";

/**
 * Who signs, and who attests in the same way.
 *
 * @throws {HangarError} `key` when a key cannot be opened or used, `usage` when
 * the format is unknown
 */
export async function signersOf(
  signer: KeySigner | SignerRole,
  env: Env,
): Promise<Signers> {
  return await makeSigners({
    format: oneOf("signer.format", signer.format, ["cosign", "bundle"]),
    key: await payloadSigner(signer),
    proxies: new ProxyRules(env),
  });
}

async function payloadSigner(
  signer: KeySigner | SignerRole,
): Promise<PayloadSigner> {
  const { openPrivateKey, parsePublicKeys } = await import(
    "../signatures/sigstore_key.ts"
  );
  if ("key" in signer) {
    try {
      return openPrivateKey(signer.key, signer.password, KEY_NAME);
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
      // Another hint: the original one is for users who type a passphrase.
      throw new HangarError(error.code, error.message, {
        cause: error.cause,
        hint: "want a key as cosign writes it, and its password",
      });
    }
  }
  const [publicKey] = parsePublicKeys(
    signer.publicKey,
    "the signer.publicKey option",
  );
  return {
    publicKey: publicKey!,
    sign: async (bytes) => {
      const signature = await signer.sign(bytes);
      // Otherwise each run would add one more signature that cannot be
      // verified.
      if (publicKey!.verify(bytes, signature)) return signature;
      throw new HangarError(
        "key",
        "the signer option gave a signature that its publicKey does not verify",
      );
    },
  };
}
