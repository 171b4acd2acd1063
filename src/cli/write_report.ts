/**
 * Writing the report of a run.
 *
 * @module
 */

import { HangarError, printableJson } from "../errors.ts";
import type { MirrorReport } from "../report/json_report.ts";
import type { CliContext } from "./context.ts";

/**
 * Writes it to a file, whole or not at all; `-` is standard output.
 *
 * @throws {HangarError} `file`
 */
export async function writeReport(
  path: string,
  report: MirrorReport,
  context: CliContext,
): Promise<void> {
  const text = `${printableJson(report, 2)}\n`;
  if (path === "-") return void context.stdout(text);
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    // What is no plain file, such as /dev/stdout, cannot be replaced.
    const there = await Deno.stat(path).catch(() => undefined);
    if (there && !there.isFile) return await Deno.writeTextFile(path, text);
    await Deno.writeTextFile(temporary, text, { createNew: true });
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw new HangarError(
      "file",
      `cannot write the report ${path}: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
}
