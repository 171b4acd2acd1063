import {
  FakeRegistry,
  type FakeRegistryOptions,
} from "../support/fake_registry.ts";
import { RegistryStore } from "../support/registry_store.ts";
import { testStore } from "../support/store_conformance.ts";

const KINDS: readonly [string, FakeRegistryOptions][] = [
  ["registry", {}],
  ["registry that ignores mounts", { quirks: { ignoreMounts: true } }],
  ["registry that lists referrers", { referrers: true }],
  [
    "registry that refuses ranges without an end",
    { quirks: { refusesOpenRanges: true } },
  ],
];

for (const [name, options] of KINDS) {
  testStore({
    name,
    open: () => {
      const server = FakeRegistry.start(options);
      const registry = new RegistryStore(server.host);
      return Promise.resolve({
        store: registry.store,
        [Symbol.asyncDispose]: async () => {
          await registry[Symbol.asyncDispose]();
          await server[Symbol.asyncDispose]();
        },
      });
    },
  });
}
