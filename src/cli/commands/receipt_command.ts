/**
 * `hangar receipt`: what the far side has.
 *
 * @module
 */

import { parseRegistryAddress } from "../../names/address.ts";
import { parseProject } from "../../names/reference.ts";
import { runReceipt } from "../../run/run_receipt.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import { LIST_FLAGS, PROGRESS_MODES } from "../flags/list_flags.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { jobsOf } from "./mirror_command.ts";

/** The flags of commands on lists that mean something here. */
const SHARED = ["file", "jobs", "progress", "report", "timeout"];

/** The command. */
export const receiptCommand: CommandSpec<CliContext> = {
  name: "receipt",
  summary: "Write down what a registry holds of the images of a list",
  usage: ["hangar receipt -f IMAGE_LIST.txt -d REGISTRY -o receipt.json"],
  examples: `# On the far side: what is there already.
hangar receipt \\
        --file IMAGE_LIST.txt \\
        --destination REGISTRY \\
        --output receipt.json
# Where images are saved: leave that out of the next archive.
hangar save \\
        --file IMAGE_LIST.txt \\
        --since receipt.json \\
        --destination delta.tar`,
  flags: [
    ...LIST_FLAGS.filter(({ name }) => SHARED.includes(name)),
    {
      name: "destination",
      short: "d",
      type: "string",
      required: true,
      help: "the registry that the images were loaded into",
    },
    {
      name: "project",
      type: "string",
      help: "the project that all images were loaded into",
    },
    {
      name: "output",
      short: "o",
      type: "string",
      isFile: true,
      default: "receipt.json",
      help: "file for the receipt, - for standard output",
    },
    {
      name: "failed",
      type: "string",
      isFile: true,
      default: "receipt-failed.txt",
      help: "file name of the receipt failed image list",
    },
    ...NETWORK_FLAGS,
  ],
  run: async (values, context) => {
    const warnings: string[] = [];
    const reach = reachOptions(values);
    const project = values.string("project");
    return await runReceipt({
      ...reach,
      input: { file: values.string("file")! },
      failed: values.string("failed")!,
      destination: parseRegistryAddress(
        values.string("destination")!,
        "--destination",
      ),
      destinationProject: project
        ? parseProject(project, "--project")
        : undefined,
      output: values.string("output")!,
      jobs: reach.debug ? 1 : jobsOf(values, warnings),
      timeoutMs: values.durationMs("timeout"),
      skipLogin: true,
      progress: reach.quiet
        ? "none"
        : values.choice("progress", PROGRESS_MODES),
      report: values.string("report"),
      warnings,
    }, context);
  },
};
