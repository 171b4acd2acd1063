import {
  MemoryStore,
  type MemoryStoreOptions,
} from "../support/memory_store.ts";
import { testStore } from "../support/store_conformance.ts";

const KINDS: readonly [string, MemoryStoreOptions][] = [
  ["memory", {}],
  ["memory that mounts nothing", { mounts: "no" }],
  ["memory that ignores mounts", { mounts: "ignored" }],
  ["memory without a list of referrers", { referrers: false }],
];

for (const [name, options] of KINDS) {
  testStore({
    name,
    open: () => {
      const store = new MemoryStore(options);
      return Promise.resolve({
        store,
        [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      });
    },
  });
}
