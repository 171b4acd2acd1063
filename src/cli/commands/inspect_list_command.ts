/**
 * `hangar inspect list`: every image of a list, in a report.
 *
 * @module
 */

import { counted } from "../../counted.ts";
import { fileError } from "../../machine/file_error.ts";
import { checkFailedPath, refuseSameFile } from "../../machine/failed_list.ts";
import { loadRoutes } from "../../machine/registries_files.ts";
import { replaceFile } from "../../machine/replace_file.ts";
import { sourceAddress } from "../../mirror/plan/plan_mirror.ts";
import { parseRegistryAddress } from "../../names/address.ts";
import { parseProject } from "../../names/reference.ts";
import {
  INSPECT_FORMATS,
  type InspectFormat,
  inspectReport,
} from "../../report/inspect_report.ts";
import { ExitCode } from "../../run/exit_code.ts";
import { keepFailed } from "../../run/failed_lines.ts";
import { consoleFor } from "../../run/log_console.ts";
import { inspectImages } from "../../run/network/inspect_images.ts";
import { withNetwork } from "../../run/network/with_network.ts";
import { readList } from "../../run/read_list.ts";
import { resolveTags } from "../../run/resolve_tags.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { FlagSpec, FlagValues } from "../flags/flags.ts";
import { failedFlag } from "../flags/list_flags.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { AUTO_YES_FLAG, confirmOverwrite } from "./image/confirm.ts";

const MAX_JOBS = 20;

/** The flags, as Go hangar has them, and further names of our own. */
const INSPECT_LIST_FLAGS: readonly FlagSpec[] = [
  {
    name: "file",
    short: "f",
    type: "string",
    isFile: true,
    required: true,
    help: "image list file",
  },
  {
    name: "report",
    alsoNamed: ["output"],
    short: "r",
    type: "string",
    isFile: true,
    help:
      "inspect report filename, - for standard output (default inspect-report.FORMAT)",
  },
  {
    name: "format",
    type: "string",
    choices: INSPECT_FORMATS,
    help:
      "inspect report format (txt, json, yaml, csv); by default, the ending of --report",
  },
  failedFlag("inspect", "inspect-failed.txt"),
  {
    name: "registry",
    alsoNamed: ["source"],
    short: "s",
    type: "string",
    help: "override the registry in image list",
  },
  {
    name: "project",
    alsoNamed: ["source-project"],
    type: "string",
    help: "override the project in image list",
  },
  {
    name: "jobs",
    short: "j",
    type: "int",
    default: 1,
    help: "worker number, inspect images parallelly (1-20)",
  },
  {
    name: "timeout",
    type: "duration",
    default: "10m0s",
    help: "timeout when inspect each images",
  },
  { ...AUTO_YES_FLAG, alsoNamed: ["yes"] },
];

/** The command. */
export const inspectListCommand: CommandSpec<CliContext> = {
  name: "list",
  summary: "Inspect every image of a list",
  usage: ["hangar inspect list -f IMAGE_LIST.txt [flags]"],
  examples:
    "hangar inspect list --file images.txt --report report.csv --jobs 8",
  unlikeParent: "reports on every image in one form",
  flags: [...NETWORK_FLAGS, ...INSPECT_LIST_FLAGS],
  run: async (values, context) => {
    const file = values.string("file")!;
    const failed = values.string("failed")!;
    const { report, format } = reportOf(values);
    const options = placesOf(values);
    const reach = reachOptions(values);
    const console = consoleFor(reach, context);
    const warn = (message: string) => console.warn(message);
    const read = await readList({ file }, context, warn);
    await checkFailedPath(failed, file);
    if (report !== "-") {
      await checkFailedPath(report, file, "--report");
      await refuseSameFile(failed, report);
      await confirmOverwrite(report, values, context);
    }
    const routes = await loadRoutes(context.env);
    return await withNetwork(
      reach,
      context,
      options.source,
      async (network, signal) => {
        const list = await resolveTags(read, {
          network,
          routes,
          placeOf: (choice) => sourceAddress(choice, options),
          log: console,
          signal,
        });
        const { rows, failed: undone } = await inspectImages(list, {
          network,
          routes,
          placeOf: (entry) => sourceAddress(entry, options),
          jobs: Math.min(MAX_JOBS, Math.max(1, values.int("jobs"))),
          timeoutMs: values.durationMs("timeout"),
          console,
          signal,
        });
        const kept = await keepFailed(
          list.name,
          undone.toSorted((a, b) => a.line - b.line),
          failed,
          console,
        );
        if (signal.aborted) return ExitCode.interrupted;
        const text = inspectReport(rows, format);
        if (report === "-") context.stdout(text);
        else {
          await replaceFile(report, [text]).catch((cause) => {
            throw fileError("write", `the report ${report}`, cause);
          });
        }
        console.result(
          `Done: ${
            counted(rows.length, "image")
          } inspected, ${kept.failed} failed${
            report === "-" ? "" : `; the report is ${report}`
          }`,
        );
        return kept.failed > 0 || !kept.isKept
          ? ExitCode.someFailed
          : ExitCode.done;
      },
    );
  },
};

/** Where the images are read, if not where the list says. */
function placesOf(values: FlagValues) {
  const registry = values.string("registry");
  const project = values.string("project");
  return {
    source: registry ? parseRegistryAddress(registry, "--registry") : undefined,
    sourceProject: project ? parseProject(project, "--project") : undefined,
  };
}

/** The file of the report, and its format. */
function reportOf(
  values: FlagValues,
): { readonly report: string; readonly format: InspectFormat } {
  const given = values.string("report");
  const format = values.choice("format", INSPECT_FORMATS) ??
    (given ? formatOf(given) : "txt");
  return { report: given || `inspect-report.${format}`, format };
}

/** The format that a file's extension stands for. */
function formatOf(file: string): InspectFormat {
  const ending = file.split(".").at(-1)!.toLowerCase();
  if (ending === "yml") return "yaml";
  return INSPECT_FORMATS.find((format) => format === ending) ?? "txt";
}
