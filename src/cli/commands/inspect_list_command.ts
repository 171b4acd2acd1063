/**
 * `hangar inspect list`: every image of a list, in a report.
 *
 * @module
 */

import { pooledMap } from "@std/async/pool";
import { counted } from "../../counted.ts";
import {
  type ImageAddress,
  parseRegistryAddress,
} from "../../names/address.ts";
import { describeError, HangarError } from "../../errors.ts";
import {
  inspectListEntry,
  type ListedImage,
} from "../../mirror/inspect_image.ts";
import { sourceAddress } from "../../mirror/plan/plan_mirror.ts";
import { EndpointChooser } from "../../mirror/endpoints.ts";
import { formatReference, parseProject } from "../../names/reference.ts";
import {
  INSPECT_FORMATS,
  type InspectFormat,
  inspectReport,
  type InspectRow,
} from "../../report/inspect_report.ts";
import { fileError } from "../../machine/file_error.ts";
import { replaceFile } from "../../machine/replace_file.ts";
import { checkFailedPath } from "../../machine/failed_list.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";
import type { FlagValues } from "../flags/flags.ts";
import { NETWORK_FLAGS, reachOptions } from "../flags/network_options.ts";
import { consoleFor } from "../../run/log_console.ts";
import { readList } from "../../run/read_list.ts";
import { resolveTags } from "../../run/resolve_tags.ts";
import { ExitCode } from "../../run/exit_code.ts";
import { loadRoutes } from "../../machine/registries_files.ts";
import { withNetwork } from "../../run/network/with_network.ts";

const MAX_JOBS = 20;

/** The command. */
export const inspectListCommand: CommandSpec<CliContext> = {
  name: "list",
  summary: "Inspect every image of a list",
  usage: ["hangar inspect list -f IMAGE_LIST.txt [flags]"],
  examples: "hangar inspect list -f images.txt -o report.csv -j 8",
  unlikeParent: "reports on every image in one form",
  flags: [
    ...NETWORK_FLAGS,
    {
      name: "file",
      short: "f",
      type: "string",
      isFile: true,
      required: true,
      help: "image list file",
    },
    {
      name: "output",
      short: "o",
      type: "string",
      isFile: true,
      default: "inspect-report.txt",
      help: "file for the report, - for standard output",
    },
    {
      name: "format",
      type: "string",
      choices: INSPECT_FORMATS,
      help: "txt, json, yaml or csv; by default, the ending of the output file",
    },
    {
      name: "jobs",
      short: "j",
      type: "int",
      default: 4,
      help: "images at once (1-20)",
    },
    {
      name: "source",
      short: "s",
      type: "string",
      help: "override the source registry in image list",
    },
    {
      name: "source-project",
      type: "string",
      help: "override all source image projects",
    },
    {
      name: "yes",
      short: "y",
      type: "bool",
      default: false,
      help: "overwrite the output file without asking",
    },
  ],
  run: async (values, context) => {
    const output = values.string("output")!;
    const format = values.choice("format", INSPECT_FORMATS) ??
      formatOf(output);
    const source = values.string("source");
    const project = values.string("source-project");
    const options = {
      source: source ? parseRegistryAddress(source, "--source") : undefined,
      sourceProject: project
        ? parseProject(project, "--source-project")
        : undefined,
    };
    const reach = reachOptions(values);
    const console = consoleFor(reach, context);
    const read = await readList(
      { file: values.string("file")! },
      context,
      (message) => console.warn(message),
    );
    if (output !== "-") {
      await mayOverwrite(output, values.string("file")!, values, context);
    }
    const routes = await loadRoutes(context.env);
    const chooser = new EndpointChooser();
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
        const images = list.entries.map((e) => sourceAddress(e, options));
        const rows: InspectRow[] = [];
        const jobs = Math.min(MAX_JOBS, Math.max(1, values.int("jobs")));
        const inspect = async (image: ImageAddress): Promise<InspectRow> => {
          const name = formatReference(image);
          try {
            const place = await chooser.choose(
              { ...image, endpoints: routes?.pullFrom(image) },
              {
                reader: (image) => network.reader(image),
                warn: (message) => console.warn(message),
                signal,
              },
            );
            const found: ListedImage = await inspectListEntry(
              network.reader(place),
              place,
              signal,
            );
            return { image: name, ...found };
          } catch (error) {
            console.error(`${name}: ${describeError(error)}`);
            return { image: name, error: describeError(error) };
          }
        };
        for await (const row of pooledMap(jobs, images, inspect)) {
          rows.push(row);
        }
        signal.throwIfAborted();
        const report = inspectReport(rows, format);
        if (output === "-") context.stdout(report);
        else {
          await replaceFile(output, [report]).catch((cause) => {
            throw fileError("write", `the report ${output}`, cause);
          });
        }
        const failed = rows.filter((row) => row.error !== undefined).length +
          list.invalid.length;
        console.result(
          `Done: ${counted(rows.length, "image")} inspected, ${failed} failed${
            output === "-" ? "" : `; the report is ${output}`
          }`,
        );
        return failed > 0 ? ExitCode.someFailed : ExitCode.done;
      },
    );
  },
};

/** The format that a file's extension stands for. */
function formatOf(output: string): InspectFormat {
  const ending = output.split(".").at(-1)!.toLowerCase();
  if (ending === "yml") return "yaml";
  return INSPECT_FORMATS.find((format) => format === ending) ?? "txt";
}

/** Asks before a file is overwritten; without a terminal, `-y` is needed. */
async function mayOverwrite(
  output: string,
  input: string,
  values: FlagValues,
  context: CliContext,
): Promise<void> {
  await checkFailedPath(output, input, "--output");
  const there = await Deno.stat(output).catch(() => undefined);
  if (!there || values.bool("yes")) return;
  const answer = await context.prompt(`${output} exists. Overwrite? [y/N] `);
  if (/^y(es)?$/i.test(answer?.trim() ?? "")) return;
  throw new HangarError("usage", `${output} exists and is left as it is`, {
    hint: "overwrite it with -y, or name another file with --output",
  });
}
