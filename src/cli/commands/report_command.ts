/**
 * `hangar report`: what is done with reports of runs.
 *
 * @module
 */

import { consoleFor } from "../../run/log_console.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import { logOptions } from "../flags/network_options.ts";
import { reportHtmlCommand } from "./report_html_command.ts";

/** `hangar report merge` */
const mergeCommand: CommandSpec<CliContext> = {
  name: "merge",
  summary: "Join the reports of all parts of a list",
  usage: ["hangar report merge REPORT... [flags]"],
  examples: `# The parts of a list that three machines have mirrored.
hangar report merge report-0.json report-1.json report-2.json \\
        --output all.json \\
        --failed failed.txt`,
  argument: { name: "REPORT", many: true, isFile: true },
  flags: [
    {
      name: "output",
      short: "o",
      type: "string",
      isFile: true,
      default: "-",
      help: "file for the joined report, - for standard output",
    },
    {
      name: "failed",
      type: "string",
      isFile: true,
      help: "file for the failed lines of all parts, in list order",
    },
  ],
  run: async (values, context, first, more) => {
    const { joinReports } = await import("../../run/join_reports.ts");
    return await joinReports(
      {
        reports: [first, ...more],
        output: values.string("output")!,
        failed: values.string("failed"),
      },
      context,
      consoleFor(logOptions(values), context),
    );
  },
};

/** The command. */
export const reportCommand: CommandSpec<CliContext> = {
  name: "report",
  summary: "Join reports of runs, or make a page of one",
  usage: ["hangar report [command]"],
  flags: [],
  subcommands: [reportHtmlCommand, mergeCommand],
};
