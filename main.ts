/**
 * hangar: mirror container images between registries.
 *
 * @module
 */

export { runCli } from "./src/cli/root.ts";
import { runCli } from "./src/cli/root.ts";

if (import.meta.main) Deno.exit(await runCli(Deno.args));
