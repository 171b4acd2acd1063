/**
 * Help in the layout of the manual, which is cobra's.
 *
 * @module
 */

import type { PlacedCommand } from "./command_spec.ts";
import type { FlagSpec } from "./flags.ts";

/** What the help of a command shows. */
export interface HelpPage {
  /** `hangar mirror` */
  readonly path: string;
  readonly summary: string;
  readonly usage: readonly string[];
  readonly examples?: string;
  readonly commands: readonly {
    readonly name: string;
    readonly summary: string;
  }[];
  readonly flags: readonly FlagSpec[];
  readonly globalFlags: readonly FlagSpec[];
  readonly epilogue?: string;
  /** Whether it has `-v, --version`. @default {false} */
  readonly hasVersion?: boolean;
}

/** The help page of a command. */
export function helpFor<C>(
  { spec, path, flags, globalFlags }: PlacedCommand<C>,
): string {
  return renderHelp({
    path,
    summary: spec.summary,
    usage: spec.usage,
    examples: spec.examples,
    commands: spec.subcommands ?? [],
    flags,
    globalFlags,
    epilogue: spec.epilogue,
    hasVersion: spec.version !== undefined,
  });
}

/** Renders a help page, with a newline at its end. */
export function renderHelp(page: HelpPage): string {
  const name = page.path.split(" ").at(-1)!;
  const help: FlagSpec = {
    name: "help",
    short: "h",
    type: "bool",
    help: `help for ${name}`,
  };
  const version: FlagSpec = {
    name: "version",
    short: "v",
    type: "bool",
    help: `version of ${name}`,
  };
  const sections = [
    page.summary,
    `Usage:\n${page.usage.map((line) => `  ${line}`).join("\n")}`,
    page.examples && `Examples:\n${page.examples}`,
    page.commands.length > 0 && `Available Commands:\n${listCommands(page)}`,
    `Flags:\n${
      listFlags([...page.flags, help, ...page.hasVersion ? [version] : []])
    }`,
    page.globalFlags.length > 0 &&
    `Global Flags:\n${listFlags(page.globalFlags)}`,
    page.epilogue,
    page.commands.length > 0 &&
    `Use "${page.path} [command] --help" for more information about a command.`,
  ];
  return `${sections.filter(Boolean).join("\n\n")}\n`;
}

function listCommands({ commands }: HelpPage): string {
  const width = Math.max(11, ...commands.map((c) => c.name.length));
  return commands.map((c) => `  ${c.name.padEnd(width)} ${c.summary}`)
    .join("\n");
}

function listFlags(flags: readonly FlagSpec[]): string {
  const rows = flags.toSorted((a, b) => a.name < b.name ? -1 : 1)
    .map((flag): [string, string] => [
      `  ${flag.short ? `-${flag.short},` : "   "} --${flag.name}${
        flag.type === "bool"
          ? ""
          : flag.bare === undefined
          ? ` ${flag.type}`
          : ` ${flag.type}[=${JSON.stringify(flag.bare)}]`
      }`,
      flag.help + describeOthers(flag) + describeDefault(flag),
    ]);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}   ${right}`)
    .join("\n");
}

function describeOthers({ alsoNamed = [], alsoShort }: FlagSpec): string {
  const others = [
    ...alsoShort === undefined ? [] : [`-${alsoShort}`],
    ...alsoNamed.map((name) => `--${name}`),
  ];
  return others.length === 0 ? "" : ` (also ${others.join(", ")})`;
}

/** Defaults that are zero or empty are not shown, as in pflag. */
function describeDefault({ type, default: value }: FlagSpec): string {
  if (value === undefined || value === false || value === 0 || value === "") {
    return "";
  }
  if (Array.isArray(value)) return ` (default [${value.join(",")}])`;
  return type === "string"
    ? ` (default ${JSON.stringify(value)})`
    : ` (default ${value})`;
}
