/**
 * `hangar sign validate`: which parts of images are signed, and by whom.
 *
 * @module
 */

import { invalidFlag } from "../../errors.ts";
import { REQUIRED } from "../../mirror/sign/sign_in_place.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import type { FlagValues } from "../flags/flags.ts";
import { IN_PLACE_FLAGS, partsFilterOf } from "../flags/in_place_flags.ts";
import { failedFlag } from "../flags/list_flags.ts";
import { NETWORK_FLAGS } from "../flags/network_options.ts";
import { listOptions } from "./mirror_command.ts";
import { runSignValidate } from "../../run/run_mirror.ts";
import { loadChecker, VERIFY_FLAGS } from "../flags/verify_options.ts";

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
    ...VERIFY_FLAGS.map((flag) =>
      flag.name === "sigstore-pubkey" ? { ...flag, alsoShort: "p" } : flag
    ),
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
  run: async (values, context) => {
    checkLogUse(values);
    return await runSignValidate(
      { ...listOptions(values, context), parts: partsFilterOf(values) },
      await loadChecker(values, "hangar sign validate"),
      values.choice("require", REQUIRED) ?? "all",
      context,
    );
  },
};

/** Refuses to promise what is not done: to ask a log. */
function checkLogUse(values: FlagValues): void {
  if (values.bool("insecure-ignore-tlog")) return;
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
