/**
 * `--index sparse` at registries of several makes: which of them take an index
 * of which they lack entries.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  COSIGN_KEY,
  COSIGN_PASSPHRASE,
  COSIGN_PUB,
} from "../support/cosign_key.ts";
import { hangar } from "../support/hangar.ts";
import { type MadeImage, makeMultiArch } from "../support/images.ts";
import { interopIgnored, pushImage, startDockerRegistry } from "./support.ts";
import {
  distributionProgram,
  startDistribution,
} from "./support/distribution.ts";
import {
  gcrRegistryProgram,
  startGcrRegistry,
} from "./support/gcr_registry.ts";
import { optionalTool, run } from "./support/tools.ts";

const REPO = "corp/app";
const INDEX_TYPES =
  "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json";

interface Server extends AsyncDisposable {
  readonly host: string;
  fetch(target: string, init?: RequestInit): Promise<Response>;
}

interface Make {
  readonly name: string;
  readonly isAtHand: boolean;
  readonly start: () => Promise<Server>;
  /** The answer of one that refuses. */
  readonly refusal?: string;
}

const MAKES: readonly Make[] = [
  {
    name: "distribution v3 with platforms: none",
    isAtHand: distributionProgram !== undefined,
    start: () => startDistribution({ sparseIndexes: true }),
  },
  {
    name: "distribution v3 as it comes",
    isAtHand: distributionProgram !== undefined,
    start: () => startDistribution(),
    refusal: "400 MANIFEST_BLOB_UNKNOWN",
  },
  {
    name: "docker-registry 2.8",
    isAtHand: true,
    start: () => startDockerRegistry(),
    refusal: "400 MANIFEST_BLOB_UNKNOWN",
  },
  {
    name: "go-containerregistry's registry",
    isAtHand: gcrRegistryProgram !== undefined,
    start: () => startGcrRegistry(),
    refusal: "404 MANIFEST_UNKNOWN",
  },
];

const IMAGES: readonly (readonly [string, MadeImage])[] = [
  ["oci", makeMultiArch("oci", { attestations: true })],
  ["docker", makeMultiArch("docker", { docker: true })],
];
const LIST = IMAGES.map(([tag]) => `${REPO}:${tag}`).join("\n");
const FLAGS = ["--index=sparse", "--arch=amd64"];

async function digestAt(
  server: Server,
  reference: string,
): Promise<string | null> {
  const response = await server.fetch(`/v2/${REPO}/manifests/${reference}`, {
    headers: { accept: INDEX_TYPES },
  });
  await response.body?.cancel();
  return response.headers.get("docker-content-digest");
}

for (const { name, isAtHand, start, refusal } of MAKES) {
  Deno.test({
    name: `interop: sparse indexes and ${name}`,
    ignore: interopIgnored || !isAtHand,
    fn: async () => {
      await using source = await startDockerRegistry();
      await using destination = await start();
      const directory = await Deno.makeTempDir();
      try {
        for (const [tag, image] of IMAGES) {
          await pushImage(source, { repo: REPO, tag, ...image });
        }
        const key = `${directory}/cosign.key`;
        await Deno.writeTextFile(key, COSIGN_KEY);
        await Deno.writeTextFile(`${directory}/cosign.pub`, COSIGN_PUB);
        const hangarWith = (words: string[], more: string[] = []) =>
          hangar([
            ...words,
            "-f-",
            `-d${destination.host}`,
            `-o${directory}/failed.txt`,
            ...more,
          ], { stdin: LIST, env: { COSIGN_PASSWORD: COSIGN_PASSPHRASE } });
        const signed = await hangar([
          "sign",
          "-f-",
          `--sigstore-private-key=${key}`,
          `-o${directory}/failed.txt`,
        ], {
          stdin: LIST.replaceAll(REPO, `${source.host}/${REPO}`),
          env: { COSIGN_PASSWORD: COSIGN_PASSPHRASE },
        });
        assertEquals(signed.code, 0, signed.stderr);
        const flags = [`-s${source.host}`, ...FLAGS];
        const first = await hangarWith(["mirror"], flags);
        assertEquals(first.code, 0, first.stderr);
        const warning = `does not take an index of which it lacks entries (${
          refusal ?? ""
        })`;
        assertEquals(
          first.stderr.split(warning).length - 1,
          refusal === undefined ? 0 : 1,
          first.stderr,
        );
        for (const [tag, { digest }] of IMAGES) {
          assertEquals(
            await digestAt(destination, tag) === digest,
            refusal === undefined,
          );
        }
        const again = await hangarWith(["mirror"], flags);
        assertStringIncludes(again.stderr, "0 copied, 2 up to date");
        const proof = await hangarWith(["mirror", "validate"], [
          ...flags,
          "--deep=bytes",
        ]);
        assertEquals(proof.code, 0, proof.stderr);
        const sign = refusal === undefined ? "==" : "~";
        for (const [tag] of IMAGES) {
          assertStringIncludes(
            proof.stderr,
            `${sign} [${destination.host}/${REPO}:${tag}]: 1 of 2 platforms`,
          );
        }
        await verifySignatures(
          destination.host,
          `${directory}/cosign.pub`,
          refusal === undefined,
        );
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

/** What was signed at the source holds where the index was kept. */
async function verifySignatures(
  host: string,
  key: string,
  holds: boolean,
): Promise<void> {
  const cosign = optionalTool("cosign");
  if (cosign === undefined) return;
  for (const [tag] of IMAGES) {
    const { code, stderr } = await run(cosign, [
      "verify",
      `--key=${key}`,
      "--insecure-ignore-tlog=true",
      "--allow-http-registry",
      `${host}/${REPO}:${tag}`,
    ]);
    assertEquals(code === 0, holds, stderr);
  }
}
