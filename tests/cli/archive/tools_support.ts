/**
 * Archives of the kinds that there are, with the same images, and the commands
 * that look into them.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  hangar,
  type HangarOptions,
  type HangarResult,
} from "../../support/hangar.ts";
import {
  makeArtifact,
  makeImage,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
  randomBytes,
} from "../../support/images.ts";
import { Carry } from "./support.ts";

const base = randomBytes(30_000, "base");

/** The images of the source, with signatures and referrers. */
export const IMAGES = {
  app: makeMultiArch("app", {
    attestations: true,
    layers: [base, 700],
    platforms: ["linux/amd64", "linux/arm64", "linux/s390x"],
  }),
  other: makeImage({ seed: "other", layers: [base, 900] }),
  chart: makeArtifact("chart"),
} as const;

export const SIGNATURE = makeSignatures(IMAGES.app.digest, ["me"]);
export const SBOM = makeReferrer(IMAGES.other, "sbom");

export const LIST = "corp/app:v1\ncorp/other:v1\ncorp/chart:v1\n";

/** The full name of an image in the archives. */
export function nameOf(carry: Carry, name: string): string {
  return `${carry.source.host}/corp/${name}`;
}

/** A source with the images, and archives to make. */
export function withImages(): Carry {
  const carry = new Carry({}, { referrers: true });
  const { source } = carry;
  for (const [name, image] of Object.entries(IMAGES)) {
    source.install(`corp/${name}`, "v1", image);
  }
  source.install(
    "corp/app",
    `${IMAGES.app.digest.replace(":", "-")}.sig`,
    SIGNATURE,
  );
  source.install("corp/other", undefined, SBOM);
  return carry;
}

/** Saves, and is sure that it worked. */
export async function saved(
  carry: Carry,
  archive: string,
  list = LIST,
  flags: readonly string[] = [],
): Promise<void> {
  const { code, stderr } = await carry.save(list, archive, flags);
  assertEquals(code, 0, stderr);
}

/** Runs a command on archives. */
export function archive(
  words: readonly string[],
  options: HangarOptions = {},
): Promise<HangarResult> {
  return hangar(["archive", ...words], options);
}

/** What `archive ls --json` says of an archive. */
// deno-lint-ignore no-explicit-any
export async function listed(carry: Carry, name: string): Promise<any> {
  const { code, stdout, stderr } = await archive([
    "ls",
    carry.path(name),
    "--json",
  ]);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

/** The files of a layout, by name, whatever keeps them. */
export async function filesOf(
  carry: Carry,
  name: string,
): Promise<Map<string, string>> {
  const path = carry.path(name);
  const directory = (await Deno.stat(path)).isDirectory
    ? path
    : await unpacked(path);
  const files = new Map<string, string>();
  const walk = async (below: string) => {
    for await (const entry of Deno.readDir(`${directory}/${below}`)) {
      const file = below ? `${below}/${entry.name}` : entry.name;
      if (entry.isDirectory) await walk(file);
      // A place in a tar that was given up.
      else if (file !== ".hangar/unused") {
        const bytes = await Deno.readFile(`${directory}/${file}`);
        const hash = await crypto.subtle.digest("SHA-256", bytes);
        files.set(file, new Uint8Array(hash).toHex());
      }
    }
  };
  await walk("");
  return files;
}

async function unpacked(tar: string): Promise<string> {
  const directory = `${tar}.unpacked`;
  await Deno.mkdir(directory);
  const { success, stderr } = await new Deno.Command("tar", {
    args: ["-xf", tar, "-C", directory],
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
  return directory;
}

/** Changes one byte of some content of a layout in a directory. */
export async function flip(
  carry: Carry,
  name: string,
  digest: string,
): Promise<void> {
  const path = carry.path(`${name}/blobs/${digest.replace(":", "/")}`);
  const bytes = await Deno.readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await Deno.writeFile(path, bytes);
}
