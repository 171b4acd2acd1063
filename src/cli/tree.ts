/**
 * The command tree, with all that its commands need.
 *
 * @module
 */

import {
  commandsBelow,
  type CommandSpec,
  placeRoot,
} from "./flags/command_spec.ts";
import { prepareContext } from "./prepare_context.ts";
import type { CliContext } from "./context.ts";
import { archiveCommand } from "./commands/archive_command.ts";
import { completionCommand } from "./commands/completion_command.ts";
import { convertListCommand } from "./commands/convert_list_command.ts";
import { copyCommand } from "./commands/copy_command.ts";
import { generateKeyCommand } from "./commands/generate_key_command.ts";
import { inspectCommand } from "./commands/inspect_command.ts";
import { listTagsCommand } from "./commands/list_tags_command.ts";
import { deleteCommand } from "./commands/image/delete_command.ts";
import { digestCommand } from "./commands/image/digest_command.ts";
import { mergeManifestCommand } from "./commands/image/merge_manifest_command.ts";
import { viewCommand } from "./commands/image/view_command.ts";
import { loadCommand } from "./commands/load_command.ts";
import { loginCommand, logoutCommand } from "./commands/login_command.ts";
import { mirrorCommand } from "./commands/mirror_command.ts";
import { receiptCommand } from "./commands/receipt_command.ts";
import { reportCommand } from "./commands/report_command.ts";
import { saveCommand, syncCommand } from "./commands/save_command.ts";
import { signCommand } from "./commands/sign_command.ts";
import { printVersion, versionCommand } from "./commands/version_command.ts";

function allFlags() {
  return commandsBelow(placeRoot(root)).flatMap(({ flags }) => flags);
}

/** The root of the tree. */
export const root: CommandSpec<CliContext> = {
  name: "hangar",
  summary: "Mirror container images between registries",
  usage: ["hangar [command]"],
  epilogue:
    `Each flag can be set by a variable: HANGAR_MAX_PER_HOST=3 stands for
--max-per-host=3. A flag on the command line wins.`,
  version: (context) => printVersion(context),
  prepare: (values, context, path) =>
    prepareContext(values, context, { path, allFlags: allFlags() }),
  elsewhere: {
    "generate-list":
      "hangar makes no lists: each Rancher release has its own, rancher-images.txt",
    "scan": "hangar does not scan: use a scanner, such as: trivy image REF",
  },
  flags: [
    {
      name: "debug",
      type: "bool",
      default: false,
      help: "enable debug output",
    },
    {
      name: "insecure-policy",
      type: "bool",
      default: false,
      help: "run Hangar without policy check",
    },
    {
      name: "quiet",
      short: "q",
      type: "bool",
      default: false,
      help: "log only warnings, errors and results",
    },
    {
      name: "hide-log-time",
      type: "bool",
      default: false,
      help: "log lines without their time",
    },
    {
      name: "log-format",
      type: "string",
      choices: ["text", "json"],
      default: "text",
      help: "log lines as text, or as json (one object per line)",
    },
  ],
  subcommands: [
    archiveCommand,
    completionCommand,
    convertListCommand,
    copyCommand,
    deleteCommand,
    digestCommand,
    generateKeyCommand,
    inspectCommand,
    listTagsCommand,
    loadCommand,
    loginCommand,
    logoutCommand,
    mergeManifestCommand,
    mirrorCommand,
    receiptCommand,
    reportCommand,
    saveCommand,
    signCommand,
    syncCommand,
    versionCommand,
    viewCommand,
  ],
};
