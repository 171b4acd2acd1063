/**
 * The stores' conformance suite, on real registries.
 *
 * @module
 */

import { RegistryStore } from "../support/registry_store.ts";
import { testStore } from "../support/store_conformance.ts";
import { interopIgnored, startDockerRegistry } from "./support.ts";
import {
  distributionProgram,
  startDistribution,
} from "./support/distribution.ts";
import {
  gcrRegistryProgram,
  startGcrRegistry,
} from "./support/gcr_registry.ts";

interface Server extends AsyncDisposable {
  readonly host: string;
}

const KINDS: readonly [string, boolean, () => Promise<Server>][] = [
  ["docker-registry 2.8", true, () => startDockerRegistry()],
  ["distribution v3", distributionProgram !== undefined, startDistribution],
  [
    "go-containerregistry's",
    gcrRegistryProgram !== undefined,
    startGcrRegistry,
  ],
];

for (const [name, isAtHand, start] of KINDS) {
  testStore({
    name,
    ignore: interopIgnored || !isAtHand,
    pooled: name.startsWith("go-containerregistry"),
    open: async () => {
      const server = await start();
      const registry = new RegistryStore(server.host);
      return {
        store: registry.store,
        [Symbol.asyncDispose]: async () => {
          await registry[Symbol.asyncDispose]();
          await server[Symbol.asyncDispose]();
        },
      };
    },
  });
}
