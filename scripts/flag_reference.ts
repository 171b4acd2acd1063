/**
 * Writes docs/flags.md from the command tree; with --check it says whether that
 * file is as it should be.
 *
 *   deno task docs [--check]
 *
 * @module
 */

import type { CommandSpec } from "../src/cli/flags/command_tree.ts";
import type { CliContext } from "../src/cli/context.ts";
import type { FlagSpec } from "../src/cli/flags/flags.ts";
import { root } from "../src/cli/tree.ts";

type Command = CommandSpec<CliContext>;

const FILE = new URL("../docs/flags.md", import.meta.url);

const cell = (text: string) => text.replaceAll("|", "\\|");

function flagRow({ name, short, type, default: value, help }: FlagSpec) {
  const names = `${short ? `\`-${short}\`, ` : ""}\`--${name}\``;
  const shown = value === undefined || value === false || value === ""
    ? ""
    : `\`${Array.isArray(value) ? value.join(",") : value}\``;
  return `| ${names} | ${type} | ${shown} | ${cell(help)} |`;
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
  command: Command,
  path: string,
  inherited: readonly FlagSpec[],
): string[] {
  const own = new Set(command.flags.map(({ name }) => name));
  const flags = [
    ...command.flags,
    ...inherited.filter(({ name }) => !own.has(name)),
  ];
  const aliases = command.aliases?.length
    ? ` (or \`${command.aliases.join("`, `")}\`)`
    : "";
  return [
    `## ${path}`,
    "",
    `${command.summary}${aliases}.`,
    "",
    "```text",
    ...command.usage,
    "```",
    "",
    ...(flags.length > 0 ? flagTable(flags) : []),
    ...(command.subcommands ?? []).flatMap((child) =>
      section(child, `${path} ${child.name}`, flags)
    ),
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
    "These flags go with every command:",
    "",
    ...flagTable(root.flags),
    ...(root.subcommands ?? []).flatMap((command) =>
      section(command, `hangar ${command.name}`, [])
    ),
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
