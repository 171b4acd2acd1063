import { assert, assertEquals } from "@std/assert";
import {
  FakeRegistry,
  type FakeRegistryOptions,
} from "../support/fake_registry.ts";
import { type MadeImage, makeMultiArch } from "../support/images.ts";

/** Two registries; the source holds images as `corp/app:v1` and `corp/web:v1`. */
export interface Pair {
  readonly source: FakeRegistry;
  readonly destination: FakeRegistry;
  readonly app: MadeImage;
}

/** Does something between two registries, which must find nothing wrong. */
export async function between(
  use: (pair: Pair) => Promise<void>,
  options: {
    readonly source?: FakeRegistryOptions;
    readonly destination?: FakeRegistryOptions;
  } = {},
): Promise<void> {
  await using source = FakeRegistry.start(options.source);
  await using destination = FakeRegistry.start(options.destination);
  const app = makeMultiArch("app");
  source.install("corp/app", "v1", app);
  source.install("corp/web", "v1", makeMultiArch("web"));
  await use({ source, destination, app });
  assertEquals(destination.violations, []);
}

/**
 * What a program prints that imports from hangar, run in a process of its own:
 * its environment is the whole process's.
 *
 * @param program its text; `HANGAR` stands for what it imports from
 */
export async function printedBy(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const main = new URL("../../main.ts", import.meta.url).href;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program.replaceAll("HANGAR", JSON.stringify(main))],
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH")!,
      HOME: "/nonexistent",
      DENO_DIR: Deno.env.get("DENO_DIR") ??
        `${Deno.env.get("HOME")}/.cache/deno`,
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      RES_OPTIONS: "timeout:1 attempts:1",
      ...env,
    },
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  assert(text !== "", new TextDecoder().decode(stderr));
  return text;
}
