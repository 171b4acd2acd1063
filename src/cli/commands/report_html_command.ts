/**
 * `hangar report html`: the report of a run as a page for a browser.
 *
 * @module
 */

import { ExitCode } from "../../run/exit_code.ts";
import { consoleFor } from "../../run/log_console.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import { logOptions } from "../flags/network_options.ts";

/** The command. */
export const reportHtmlCommand: CommandSpec<CliContext> = {
  name: "html",
  summary: "Make a page from a report, for a browser",
  usage: ["hangar report html REPORT [flags]"],
  examples: "hangar report html report.json --output report.html",
  argument: { name: "REPORT", isFile: true },
  flags: [
    {
      name: "output",
      short: "o",
      type: "string",
      isFile: true,
      default: "report.html",
      help: "file for the page, - for standard output",
    },
  ],
  run: async (values, context, report) => {
    const output = values.string("output")!;
    const { makePage } = await import("../../run/make_page.ts");
    await makePage({ report, output }, context);
    if (output !== "-") {
      consoleFor(logOptions(values), context).info(`the page is ${output}`);
    }
    return ExitCode.done;
  },
};
