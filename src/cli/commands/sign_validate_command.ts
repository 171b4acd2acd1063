/**
 * `hangar sign validate`: which parts of images are signed, and by whom.
 *
 * @module
 */

import { HangarError, invalidFlag } from "../../errors.ts";
import type { NamedChecker } from "../../signing/image_signer.ts";
import { REQUIRED } from "../../mirror/sign/sign_in_place.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import type { FlagValues } from "../flags/flags.ts";
import { IN_PLACE_FLAGS, partsFilterOf } from "../flags/in_place_flags.ts";
import { failedFlag } from "../flags/list_flags.ts";
import { NETWORK_FLAGS } from "../flags/network_options.ts";
import { listOptions } from "./mirror_command.ts";
import { runSignValidate } from "../../run/run_mirror.ts";
import { readUserFile } from "../../machine/user_file.ts";
import { loadVerifier, TRUSTED_ROOT_FLAG } from "../flags/sign_options.ts";

/** The flags that say whose signatures without a key count. */
const KEYLESS = [
  "trusted-root",
  "certificate-identity",
  "certificate-oidc-issuer",
] as const;

/** The command. */
export const signValidateCommand: CommandSpec<CliContext> = {
  name: "validate",
  alsoCalled: ["verify"],
  summary: "Check the signatures of images",
  usage: [
    "hangar sign validate -f IMAGE_LIST.txt --sigstore-pubkey KEY.pub",
    "hangar sign validate -f IMAGE_LIST.txt --trusted-root ROOT.json --certificate-identity NAME --certificate-oidc-issuer URL",
  ],
  examples: `hangar sign validate \\
	--file IMAGE_LIST.txt \\
	--destination DESTINATION_REGISTRY \\
	--sigstore-pubkey sigstore.pub`,
  unlikeParent: "signs nothing",
  flags: [
    ...IN_PLACE_FLAGS,
    ...NETWORK_FLAGS,
    failedFlag("validate", "sign-validate-failed.txt"),
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
    {
      name: "insecure-ignore-tlog",
      type: "bool",
      default: true,
      help:
        "do not ask a transparency log for signatures by a key; it cannot be asked here",
    },
    {
      name: "require",
      type: "string",
      choices: REQUIRED,
      default: "all",
      help:
        "which parts of an image must be signed: index (as cosign sign does), children (as Go hangar did), or all",
    },
  ],
  run: async (values, context) =>
    await runSignValidate(
      { ...listOptions(values, context), parts: partsFilterOf(values) },
      await loadChecker(values),
      values.choice("require", REQUIRED) ?? "all",
      context,
    ),
};

async function loadChecker(values: FlagValues): Promise<NamedChecker> {
  if (!values.bool("insecure-ignore-tlog")) {
    throw invalidFlag(
      "--insecure-ignore-tlog",
      "false",
      "no transparency log is asked for signatures by a key",
      {
        hint:
          "verify signatures with an entry in a log by --trusted-root, --certificate-identity and --certificate-oidc-issuer",
      },
    );
  }
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
      { hint: "see: hangar sign validate --help" },
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
