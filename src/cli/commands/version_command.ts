/**
 * `hangar version`.
 *
 * @module
 */

import { VERSION } from "../../version.ts";
import type { CommandSpec } from "../flags/command_tree.ts";
import type { CliContext } from "../context.ts";

/** Prints the version; gives the exit code. */
export function printVersion(
  context: Pick<CliContext, "stdout">,
  { json = false }: { readonly json?: boolean } = {},
): number {
  const facts = {
    version: VERSION,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    target: Deno.build.target,
  };
  context.stdout(
    json
      ? `${JSON.stringify(facts, null, 2)}\n`
      : `hangar ${facts.version} (Deno ${facts.deno}, V8 ${facts.v8}, ${facts.target})\n`,
  );
  return 0;
}

/** The command. */
export const versionCommand: CommandSpec<CliContext> = {
  name: "version",
  summary: "Print the version of hangar and of what it runs on",
  usage: ["hangar version [flags]"],
  flags: [{ name: "json", type: "bool", default: false, help: "print JSON" }],
  run: (values, context) =>
    Promise.resolve(printVersion(context, { json: values.bool("json") })),
};
