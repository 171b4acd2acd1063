/**
 * The flags that say whose signatures count: those by a key, or by an identity.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import { readUserFile } from "../../machine/user_file.ts";
import type { NamedChecker } from "../../signing/image_signer.ts";
import type { FlagSpec, FlagValues } from "./flags.ts";
import { loadVerifier, TRUSTED_ROOT_FLAG } from "./sign_options.ts";

/** The flags that say whose signatures without a key count. */
const KEYLESS = [
  "trusted-root",
  "certificate-identity",
  "certificate-oidc-issuer",
] as const;

/** Flags of every command that verifies signatures. */
export const VERIFY_FLAGS: readonly FlagSpec[] = [
  {
    name: "sigstore-pubkey",
    short: "k",
    alsoNamed: ["key"],
    type: "string",
    isFile: true,
    help: "public key (PEM) that must have signed the images",
  },
  TRUSTED_ROOT_FLAG,
  {
    name: "certificate-identity",
    type: "string",
    help:
      "e-mail address or URI of the signer, as its certificate has it (without a key)",
  },
  {
    name: "certificate-oidc-issuer",
    type: "string",
    help:
      "OIDC issuer of the signer, as its certificate has it (without a key)",
  },
];

/**
 * The checker that the flags ask for.
 *
 * @param command whose help is named where flags are missing
 * @throws {HangarError} `usage`, `file` or `key`
 */
export async function loadChecker(
  values: FlagValues,
  command: string,
): Promise<NamedChecker> {
  const path = values.string("sigstore-pubkey");
  const given = KEYLESS.filter((flag) => values.string(flag));
  const lacking = KEYLESS.find((flag) => !values.string(flag));
  if (path && given.length > 0) {
    throw new HangarError(
      "usage",
      `--sigstore-pubkey is for signatures by a key, --${
        given[0]
      } for those without: give one of them`,
    );
  }
  if (path) {
    const pem = await readUserFile({ path, option: "--sigstore-pubkey" });
    const [{ parsePublicKeys }, { KeyChecker }] = await Promise.all([
      import("../../signatures/sigstore_key.ts"),
      import("../../signing/check_signatures.ts"),
    ]);
    return new KeyChecker(parsePublicKeys(pem, path));
  }
  if (lacking) {
    throw new HangarError(
      "usage",
      given.length > 0
        ? `--${lacking} is missing: a signature without a key is verified by ${
          KEYLESS.map((flag) => `--${flag}`).join(", ")
        }`
        : "--sigstore-pubkey is missing",
      { hint: `see: ${command} --help` },
    );
  }
  const verifier = await loadVerifier(values);
  const { IdentityChecker } = await import("../../signing/check_signatures.ts");
  return new IdentityChecker(
    {
      names: [values.string("certificate-identity")!],
      issuers: [values.string("certificate-oidc-issuer")!],
    },
    verifier!,
  );
}
