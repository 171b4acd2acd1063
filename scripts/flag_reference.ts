/**
 * Writes docs/flags.md from the command tree; with --check it says whether that
 * file is as it should be.
 *
 *   deno task docs [--check]
 *
 * @module
 */

import {
  commandsBelow,
  type PlacedCommand,
  placeRoot,
} from "../src/cli/flags/command_spec.ts";
import type { CliContext } from "../src/cli/context.ts";
import { type FlagSpec, lettersOf, namesOf } from "../src/cli/flags/flags.ts";
import { root } from "../src/cli/tree.ts";

const FILE = new URL("../docs/flags.md", import.meta.url);

const cell = (text: string) => text.replaceAll("|", "\\|");

/** What a flag takes: its choices where it has any, else its type. */
function typeOf({ type, choices, isFile }: FlagSpec): string {
  if (choices) return choices.map((choice) => `\`${choice}\``).join(", ");
  return isFile ? "file" : type;
}

function flagRow(flag: FlagSpec): string {
  const { default: value, help } = flag;
  const words = [
    ...lettersOf(flag).map((letter) => `-${letter}`),
    ...namesOf(flag).map((name) => `--${name}`),
  ];
  const names = words.map((word) => `\`${word}\``).join(", ");
  const shown = value === undefined || value === false || value === ""
    ? ""
    : `\`${Array.isArray(value) ? value.join(",") : value}\``;
  return `| ${names} | ${typeOf(flag)} | ${shown} | ${cell(help)} |`;
}

function flagTable(flags: readonly FlagSpec[]): string[] {
  const sorted = [...flags].sort((a, b) => a.name < b.name ? -1 : 1);
  return [
    "| flag | type | default | meaning |",
    "| --- | --- | --- | --- |",
    ...sorted.map(flagRow),
    "",
  ];
}

function section(
  { spec, path, flags }: PlacedCommand<CliContext>,
): string[] {
  const aliases = spec.aliases?.length
    ? ` (or \`${spec.aliases.join("`, `")}\`)`
    : "";
  return [
    `## ${path}`,
    "",
    `${spec.summary}${aliases}.`,
    "",
    "```text",
    ...spec.usage,
    "```",
    "",
    ...(flags.length > 0 ? flagTable(flags) : []),
  ];
}

/** The page. */
export function flagReference(): string {
  return [
    "# Commands and flags",
    "",
    "Made from the command tree by `deno task docs`; do not edit. Flags are read",
    "as Go's pflag reads them: `--arch amd64,arm64`, `--arch amd64 --arch arm64`",
    "and `-a amd64` are lists of one kind, a switch takes no word of its own",
    "(`--provenance=false`), and a duration is `90s`, `10m0s` or `1h30m`.",
    "",
    "Each flag can be set by a variable too: `HANGAR_MAX_PER_HOST=3` stands for",
    "`--max-per-host=3`, `HANGAR_ARCH=amd64,arm64` for `--arch amd64,arm64`, and",
    "`HANGAR_OVERWRITE=true` for `--overwrite`. A flag on the command line wins,",
    "and a variable that is empty counts as unset. `HANGAR_ARCHIVE` names the",
    "archive of `save`, `sync`, `load` and `archive export`, whose flag has the",
    "name of one for registries.",
    "",
    "A command takes the flags of its table and refuses any other one. These",
    "flags go with every command:",
    "",
    ...flagTable(root.flags),
    ...commandsBelow(placeRoot(root)).filter(({ parent }) => parent)
      .flatMap(section),
  ].join("\n");
}

async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext=md", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

if (import.meta.main) {
  const page = await formatted(flagReference());
  if (Deno.args.includes("--check")) {
    const there = await Deno.readTextFile(FILE).catch(() => "");
    if (there !== page) {
      console.error("docs/flags.md is not current: run deno task docs");
      Deno.exit(1);
    }
  } else await Deno.writeTextFile(FILE, page);
}
