/**
 * hangar: mirror container images between registries. As a program,
 * `deno run -A jsr:@hangar/mirror`; as a library, {@linkcode mirror} and
 * {@linkcode validate}.
 *
 * @module
 */

export * from "./src/library/mod.ts";
import { runCli } from "./src/cli/root.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args));
