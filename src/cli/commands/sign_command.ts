/**
 * `hangar sign`: images that are mirrored already.
 *
 * @module
 */

import { HangarError } from "../../errors.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import { failedFlag, LIST_FLAGS } from "../flags/list_flags.ts";
import { listOptions } from "./mirror_command.ts";
import { NETWORK_FLAGS } from "../flags/network_options.ts";
import { runSign } from "../../run/run_mirror.ts";
import { loadSigner, SIGN_FLAGS } from "../flags/sign_options.ts";
import { signValidateCommand } from "./sign_validate_command.ts";

/** The command. */
export const signCommand: CommandSpec<CliContext> = {
  name: "sign",
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
    ...LIST_FLAGS,
    ...SIGN_FLAGS,
    ...NETWORK_FLAGS,
    failedFlag("sign", "sign-failed.txt"),
  ],
  subcommands: [signValidateCommand],
  run: async (values, context) => {
    const options = listOptions(values, context);
    const signer = await loadSigner(values, context);
    if (!signer) {
      throw new HangarError("usage", "--sigstore-private-key is missing", {
        hint: "make a key with: hangar generate-sigstore-key",
      });
    }
    return await runSign(options, signer, context);
  },
};
