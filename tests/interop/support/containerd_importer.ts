/**
 * containerd's importer, which `ctr images import`, K3s and RKE2 use, where Go is
 * at hand to build a program around it.
 *
 * @module
 */

import { requireGo, runChecked } from "./tools.ts";

const SOURCE = new URL("../importer", import.meta.url).pathname;

/** An image that was imported. */
export interface ImportedImage {
  /** By which containers are started; empty where the archive gives none. */
  readonly name: string;
  readonly digest: string;
  /** `<nil>` where all content for linux/amd64 is there. */
  readonly fault: string;
}

/** Imports archives; undefined where Go is not at hand. */
export async function containerdImport(
  archives: readonly string[],
): Promise<ImportedImage[][] | undefined> {
  const go = requireGo();
  if (!go) return undefined;
  const directory = await Deno.makeTempDir({ prefix: "hangar-importer-" });
  try {
    const program = `${directory}/importer`;
    await runChecked(go, ["build", "-o", program, "."], { cwd: SOURCE });
    const imported: ImportedImage[][] = [];
    for (const [i, archive] of archives.entries()) {
      const text = await runChecked(program, [
        archive,
        `${directory}/store${i}`,
      ]);
      imported.push(
        text.trimEnd().split("\n").map((line) => {
          const [name = "", digest = "", , fault = ""] = line.split("\t");
          return { name, digest, fault };
        }),
      );
    }
    return imported;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
