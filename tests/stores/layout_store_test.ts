import {
  ArchiveIndex,
  parseArchiveIndex,
} from "../../src/layout/archive_index.ts";
import { recordPath } from "../../src/layout/archive_record.ts";
import { DirectoryMedium } from "../../src/layout/directory_medium.ts";
import { LayoutStore } from "../../src/layout/layout_store.ts";
import type { Medium } from "../../src/layout/medium.ts";
import { TarMedium } from "../../src/layout/tar/tar_medium.ts";
import { archiveFiles } from "../../src/machine/archive_files.ts";
import { testStore } from "../support/store_conformance.ts";

const KINDS: readonly [string, (root: string) => Promise<Medium>][] = [
  [
    "a layout in a directory",
    (root) => DirectoryMedium.open(archiveFiles, `${root}/layout`),
  ],
  [
    "a layout in a new tar",
    (root) => TarMedium.begin(archiveFiles, `${root}/layout.tar`),
  ],
  ["a layout in a tar that is added to", async (root) => {
    const path = `${root}/layout.tar`;
    {
      await using first = await TarMedium.begin(archiveFiles, path);
      const index = new ArchiveIndex().encode();
      await first.commit({
        index,
        recordPath: recordPath(index),
        record: () => new TextEncoder().encode("{}"),
        unused: [],
      });
    }
    return await TarMedium.append(archiveFiles, path);
  }],
];

for (const [name, open] of KINDS) {
  testStore({
    name,
    pooled: true,
    open: async () => {
      const root = await Deno.makeTempDir();
      const medium = await open(root);
      const index = parseArchiveIndex(new ArchiveIndex().encode(), "layout");
      return {
        store: new LayoutStore(medium, index),
        [Symbol.asyncDispose]: async () => {
          await medium[Symbol.asyncDispose]();
          await Deno.remove(root, { recursive: true });
        },
      };
    },
  });
}
