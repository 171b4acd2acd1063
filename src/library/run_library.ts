/**
 * Runs what a program asks for, by the flags that a user would give.
 *
 * @module
 */

import { denoKeychainEnvironment } from "../machine/keychain_environment.ts";
import { parseImageList } from "../lists/image_list.ts";
import { HangarError } from "../errors.ts";
import type { Depth } from "../mirror/validate_image.ts";
import type { MirrorReport } from "../report/json_report.ts";
import type { CliContext } from "../cli/context.ts";
import { FlagValues } from "../cli/flags/flags.ts";
import type { MirrorOptions } from "./options.ts";
import { MIRROR_FLAGS, mirrorOptions } from "../cli/commands/mirror_command.ts";
import { loadPolicy } from "../cli/flags/policy_options.ts";
import { runMirror, runValidate } from "../run/run_mirror.ts";
import { guardSpans } from "../machine/span_secrets.ts";
import { root } from "../cli/tree.ts";

/** Mirrors, or validates where a depth is given. */
export async function runLibrary(
  options: MirrorOptions,
  how: { readonly dryRun?: boolean; readonly depth?: Depth },
): Promise<MirrorReport> {
  const values = flagsFor(options, how.dryRun ?? false);
  const context = contextFor(options);
  await guardSpans((name) => context.env(name));
  let report: MirrorReport | undefined;
  const run = {
    ...mirrorOptions(values),
    failed: undefined,
    input: {
      list: parseImageList(options.images.join("\n"), "images"),
    },
    policy: await loadPolicy(values, context),
    onEvent: options.onEvent,
    onReport: (made: MirrorReport) => report = made,
  };
  if (how.depth === undefined) await runMirror(run, context);
  else await runValidate(run, how.depth, context);
  if (report) return report;
  throw new HangarError("interrupted", "interrupted before it began");
}

function flagsFor(options: MirrorOptions, dryRun: boolean): FlagValues {
  const values = new FlagValues([...root.flags, ...MIRROR_FLAGS]);
  const give = (name: string, value: unknown) => {
    if (value !== undefined) values.add(name, String(value));
  };
  give("file", "-");
  give("source", options.source);
  give("source-project", options.sourceProject);
  give("destination", options.destination);
  give("destination-project", options.destinationProject);
  give("arch", options.arch?.join(","));
  give("os", options.os?.join(","));
  give("platform", options.platform?.join(","));
  give("jobs", options.jobs);
  give(
    "timeout",
    options.timeoutMs === undefined ? undefined : `${options.timeoutMs}ms`,
  );
  give("overwrite", options.overwrite);
  give("missing", options.missing);
  give("provenance", options.provenance);
  give("tls-verify", options.tlsVerify);
  give(
    "remove-signatures",
    options.signatures === undefined ? undefined : !options.signatures,
  );
  give("dry-run", dryRun);
  give("progress", "none");
  return values;
}

function contextFor(
  { images, signal, onLog }: MirrorOptions,
): CliContext {
  return {
    stdout: () => {},
    stderr: (text) => onLog?.(text.trimEnd()),
    stdin: () => Promise.resolve(new TextEncoder().encode(images.join("\n"))),
    env: (name) => Deno.env.get(name),
    prompt: () => Promise.resolve(undefined),
    color: false,
    onInterrupt: (callback) => {
      if (signal?.aborted) callback();
      signal?.addEventListener("abort", callback, { once: true });
      return () => signal?.removeEventListener("abort", callback);
    },
    keychain: denoKeychainEnvironment(),
  };
}
