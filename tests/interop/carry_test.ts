/**
 * Signed images on their way across an air gap, between real registries.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  COSIGN_KEY,
  COSIGN_PASSPHRASE,
  COSIGN_PUB,
} from "../support/cosign_key.ts";
import { hangar } from "../support/hangar.ts";
import {
  makeFallback,
  makeMultiArch,
  makeReferrer,
} from "../support/images.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  startDockerRegistry,
} from "./support.ts";
import { optionalTool, runChecked } from "./support/tools.ts";

const cosign = optionalTool("cosign");
const REPO = "corp/app";

/** What a registry has under every tag of the repository. */
async function tagsOf(registry: RealRegistry): Promise<Map<string, string>> {
  const answer = await registry.fetch(`/v2/${REPO}/tags/list`);
  const { tags } = await answer.json();
  const found = new Map<string, string>();
  for (const tag of tags.sort()) {
    const response = await registry.fetch(`/v2/${REPO}/manifests/${tag}`, {
      headers: {
        accept:
          "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json",
      },
    });
    await response.body?.cancel();
    found.set(tag, response.headers.get("docker-content-digest")!);
  }
  return found;
}

for (const archive of ["carry.tar", "directory"]) {
  Deno.test({
    name:
      `interop: what mirror brings, save and load bring by ${archive}, and cosign verifies it on the far side`,
    ignore: interopIgnored || cosign === undefined,
    fn: async () => {
      await using source = await startDockerRegistry();
      await using far = await startDockerRegistry();
      await using mirrored = await startDockerRegistry();
      const directory = await Deno.makeTempDir({ prefix: "hangar-carry-" });
      try {
        const path = (name: string) => `${directory}/${name}`;
        const env = { COSIGN_PASSWORD: COSIGN_PASSPHRASE };
        await Deno.writeTextFile(path("cosign.key"), COSIGN_KEY);
        await Deno.writeTextFile(path("cosign.pub"), COSIGN_PUB);
        await Deno.writeTextFile(path("sbom.json"), "{}");
        const app = makeMultiArch("app", { attestations: true });
        const sbom = makeReferrer(app, "sbom");
        await pushImage(source, { repo: REPO, tag: "v1", ...app });
        await pushImage(source, {
          repo: REPO,
          tag: app.digest.replace(":", "-"),
          ...makeFallback([sbom]),
        });
        const name = `${source.host}/${REPO}:v1`;
        const key = [
          `--key=${path("cosign.key")}`,
          "--tlog-upload=false",
          "-y",
        ];
        for (
          const args of [
            ["sign", "--recursive", ...key, name],
            ["attest", ...key, `--predicate=${path("sbom.json")}`, name],
          ]
        ) {
          await runChecked(cosign!, [...args, "--allow-insecure-registry"], {
            env,
          });
        }
        const run = async (...args: string[]) => {
          const failed = `--failed=${path("failed.txt")}`;
          const { code, stderr } = await hangar([...args, failed], {
            stdin: name,
          });
          assertEquals(code, 0, stderr);
        };
        const at = path(archive);
        await run("save", "-f-", `-d=${at}`);
        const verified = await hangar(["archive", "verify", at]);
        assertEquals(verified.code, 0, verified.stderr);
        await run("load", `-s=${at}`, `-d=${far.host}`);
        await run("mirror", "-f-", `-d=${mirrored.host}`);
        const tags = await tagsOf(far);
        assertEquals(tags, await tagsOf(mirrored));
        assertEquals(tags.get("v1"), app.digest);
        assert(tags.size > 4, [...tags.keys()].join());
        for (
          const args of [
            ["verify"],
            ["verify-attestation", "--type=custom"],
          ]
        ) {
          await runChecked(cosign!, [
            ...args,
            `--key=${path("cosign.pub")}`,
            "--insecure-ignore-tlog",
            "--allow-insecure-registry",
            `${far.host}/${REPO}:v1`,
          ], { env });
        }
        // All of it is in the receipt of the far side.
        await run("receipt", "-f-", `-d=${far.host}`, `-o=${path("r.json")}`);
        const receipt = JSON.parse(await Deno.readTextFile(path("r.json")));
        const { manifests, blobs } = receipt.repositories[0];
        assertEquals(manifests.includes(sbom.digest), true);
        for (const digest of [...app.blobs.keys(), ...sbom.blobs.keys()]) {
          assertEquals(blobs.includes(digest), true, digest);
        }
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}
