/**
 * hangar: mirror container images between registries. As a program,
 * `deno run -A jsr:@hangar/mirror`; as a library, {@linkcode mirror},
 * {@linkcode validate}, {@linkcode copy}, {@linkcode inspect} and
 * {@linkcode listTags}.
 *
 * @module
 */

export * from "./src/library/mod.ts";
import { runCli } from "./src/cli/root.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args));
