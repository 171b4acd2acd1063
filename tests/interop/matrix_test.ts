/**
 * One list of everything, into each registry that is at hand and back again.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeArtifact,
  makeFallback,
  makeImage,
  makeIndex,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
} from "../support/images.ts";
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

/** A registry of whatever make. */
interface Server extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  fetch(target: string, init?: RequestInit): Promise<Response>;
}

interface Make {
  readonly name: string;
  readonly atHand: boolean;
  readonly start: () => Promise<Server>;
}

const MAKES: readonly Make[] = [
  {
    name: "docker-registry 2.8",
    atHand: true,
    start: () => startDockerRegistry(),
  },
  {
    name: "distribution v3",
    atHand: distributionProgram !== undefined,
    start: () => startDistribution(),
  },
  {
    name: "go-containerregistry's",
    atHand: gcrRegistryProgram !== undefined,
    start: () => startGcrRegistry(),
  },
];

const tagOf = (digest: string, suffix = "") =>
  `${digest.replace(":", "-")}${suffix}`;

const shared = makeImage({ seed: "shared", layers: [200_000, 700] });

const IMAGES: readonly (readonly [string, string, MadeImage])[] = [
  [
    "corp/app",
    "v1",
    makeMultiArch("app", { attestations: true, layers: [1_500_000, 900] }),
  ],
  ["corp/list", "v1", makeMultiArch("list", { docker: true })],
  ["corp/single", "v1", shared],
  // Its layers are those of the one above: mounted, where that can be done.
  ["corp/again", "v1", shared],
  ["corp/docker", "v2", makeImage({ seed: "docker", docker: true })],
  ["corp/chart", "1.0", makeArtifact("chart")],
  ["corp/nested", "v1", makeIndex([makeMultiArch("inner"), shared])],
];

const LIST = IMAGES.map(([repo, tag]) => `${repo}:${tag}`).join("\n");

/** The digest under a reference, or the status where there is none. */
async function digestAt(
  { fetch }: Pick<Server, "fetch">,
  repo: string,
  reference: string,
): Promise<string> {
  const response = await fetch(`/v2/${repo}/manifests/${reference}`, {
    headers: {
      accept: [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
      ].join(", "),
    },
  });
  const bytes = await response.bytes();
  if (!response.ok) return String(response.status);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return `sha256:${new Uint8Array(hash).toHex()}`;
}

/** Digests of what refers to a manifest: none of the makes has the API. */
async function referrersAt(
  server: Server,
  repo: string,
  digest: string,
): Promise<string[]> {
  const response = await server.fetch(
    `/v2/${repo}/manifests/${tagOf(digest)}`,
    { headers: { accept: "application/vnd.oci.image.index.v1+json" } },
  );
  const index: { manifests?: { digest: string }[] } = await response.json();
  return (index.manifests ?? []).map((entry) => entry.digest).sort();
}

for (const make of MAKES) {
  Deno.test({
    name:
      `interop: everything goes from docker-registry into ${make.name} and back, with the same digests`,
    ignore: interopIgnored || !make.atHand,
    fn: async () => {
      const app = IMAGES[0]![2];
      const child = app.manifests[0]!;
      const signatures = makeSignatures(app.digest, ["ann", "bob"]);
      const sboms = [
        makeReferrer(app, "sbom"),
        makeReferrer(app, "scan", "application/sarif+json"),
      ];
      const ofChild = makeReferrer(child, "sbom of amd64");
      await using source = await startDockerRegistry();
      for (const [repo, tag, image] of IMAGES) {
        await pushImage(source, { repo, tag, ...image });
      }
      const attached: (readonly [string, MadeImage])[] = [
        [tagOf(app.digest, ".sig"), signatures],
        [tagOf(app.digest), makeFallback(sboms)],
        [tagOf(child.digest), makeFallback([ofChild])],
      ];
      for (const [tag, image] of attached) {
        await pushImage(source, { repo: "corp/app", tag, ...image });
      }
      await using there = await make.start();
      await using back = await startDockerRegistry();
      const directory = await Deno.makeTempDir();
      try {
        const go = async (from: Server, to: Server, ...words: string[]) => {
          const { code, stderr } = await hangar([
            ...["mirror", ...words, "-f-", `-s${from.host}`, `-d${to.host}`],
            ...["-j4", `--failed=${directory}/failed.txt`],
          ], { stdin: LIST });
          assertEquals(code, 0, stderr);
          return stderr;
        };
        const count = IMAGES.length;
        assertStringIncludes(await go(source, there), `${count} copied, 0 up`);
        await go(source, there, "validate", "--deep=bytes");
        assertStringIncludes(
          await go(source, there),
          `0 copied, ${count} up to date, 0 skipped, 0 failed, 0 B sent`,
        );
        assertStringIncludes(await go(there, back), `${count} copied, 0 up`);
        for (const server of [there, back]) {
          const answers = { fetch: server.fetch.bind(server) };
          for (const [repo, tag, image] of IMAGES) {
            assertEquals(await digestAt(answers, repo, tag), image.digest);
          }
          assertEquals(
            await digestAt(answers, "corp/app", tagOf(app.digest, ".sig")),
            signatures.digest,
          );
          assertEquals(
            await referrersAt(server, "corp/app", app.digest),
            sboms.map(({ digest }) => digest).sort(),
          );
          assertEquals(
            await referrersAt(server, "corp/app", child.digest),
            [ofChild.digest],
          );
        }
        const crane = optionalTool("crane");
        if (crane === undefined) return;
        for (const [repo, tag, image] of IMAGES) {
          const reference = `${there.host}/${repo}:${tag}`;
          const { stdout, stderr } = await run(crane, ["digest", reference]);
          assertEquals(stdout.trim(), image.digest, stderr);
        }
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}
