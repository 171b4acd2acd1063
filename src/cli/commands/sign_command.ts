/**
 * `hangar sign`: images that are mirrored already.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import type { FlagValues } from "../flags/flags.ts";
import { confirm } from "./image/confirm.ts";
import {
  IN_PLACE_FLAGS,
  partsFilterOf,
  SIGN_IN_PLACE_FLAGS,
} from "../flags/in_place_flags.ts";
import { failedFlag } from "../flags/list_flags.ts";
import { listOptions } from "./mirror_command.ts";
import { NETWORK_FLAGS } from "../flags/network_options.ts";
import { runSign } from "../../run/run_mirror.ts";
import { loadSigner } from "../flags/sign_options.ts";
import { signValidateCommand } from "./sign_validate_command.ts";

/** The command. */
export const signCommand: CommandSpec<CliContext> = {
  name: "sign",
  alsoCalled: ["signv1"],
  summary: "Sign images that are mirrored already",
  usage: [
    "hangar sign -f IMAGE_LIST.txt -d DESTINATION_REGISTRY --sigstore-private-key KEY [flags]",
    "hangar sign [command]",
  ],
  examples: `hangar sign \\
        --file IMAGE_LIST.txt \\
        --destination DESTINATION_REGISTRY \\
        --sigstore-private-key sigstore.key`,
  flags: [
    ...IN_PLACE_FLAGS,
    ...SIGN_IN_PLACE_FLAGS,
    ...NETWORK_FLAGS,
    failedFlag("sign", "sign-failed.txt"),
  ],
  subcommands: [signValidateCommand],
  run: async (values, context) => {
    const options = {
      ...listOptions(values, context),
      parts: partsFilterOf(values),
    };
    await confirmPublicLog(values, context);
    const signers = await loadSigner(values, context);
    if (!signers) {
      throw new HangarError("usage", "--sigstore-private-key is missing", {
        hint: "make a key with: hangar generate-sigstore-key",
      });
    }
    return await runSign(options, signers.signer, context);
  },
};

/** Asks before names are published for good. */
async function confirmPublicLog(
  values: FlagValues,
  context: CliContext,
): Promise<void> {
  if (!values.bool("tlog-upload")) return;
  await confirm(
    "The log keeps digests, and the names of signers, for everyone to see and for good. Proceed?",
    values,
    context,
  );
}
