import { assertEquals } from "@std/assert";
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
