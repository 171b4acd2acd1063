import { assert, assertEquals, assertMatch } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { type MadeImage, makeImage, sha256 } from "../support/images.ts";
import { makeKey, signaturesOf } from "../support/signing.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  skopeo,
  startDockerRegistry,
} from "./support.ts";
import { optionalTool } from "./support/tools.ts";

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const AMD64 = { os: "linux", architecture: "amd64" };

const signed = makeImage({ seed: "signed", layers: [500] });
const evil = makeImage({ seed: "evil", layers: [500] });

function entry(image: MadeImage, mediaType = image.mediaType): string {
  return JSON.stringify({
    mediaType,
    digest: image.digest,
    size: image.bytes.byteLength,
    platform: AMD64,
  });
}

function index(manifests: string, more = ""): MadeImage {
  const text =
    `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${manifests}]${more}}`;
  const bytes = new TextEncoder().encode(text);
  const made = { bytes, mediaType: OCI_INDEX, digest: sha256(bytes) };
  return {
    ...made,
    manifests: [...signed.manifests, ...evil.manifests, made],
    blobs: new Map([...signed.blobs, ...evil.blobs]),
  };
}

/** What a registry takes, and by which skopeo is given the unsigned image. */
const ATTACKS: Readonly<Record<string, MadeImage>> = {
  "an image that is called an index": index(entry(evil, OCI_INDEX)),
  "one digest under two types": index(
    `${entry(evil, OCI_INDEX)},${entry(evil)}`,
  ),
  "a key in other letters": index(
    entry(signed),
    `,"Manifests":[${entry(evil)}]`,
  ),
  "a key with a long s": index(
    entry(signed),
    `,"manife\u017fts":[${entry(evil)}]`,
  ),
  "a key twice": index(entry(signed), `,"manifests":[${entry(evil)}]`),
  "a digest in other letters": index(
    entry(signed).replace(
      '"platform"',
      `"Digest":"${evil.digest}","Size":${evil.bytes.byteLength},$&`,
    ),
  ),
};

/** The digest of what skopeo pulls; its refusal where it pulls nothing. */
async function pulled(
  registry: RealRegistry,
  directory: string,
): Promise<string> {
  const to = await Deno.makeTempDir({ dir: directory });
  const { code, stderr } = await skopeo([
    "--override-os=linux",
    "--override-arch=amd64",
    "copy",
    "--src-tls-verify=false",
    `docker://${registry.host}/corp/app:v1`,
    `dir:${to}`,
  ]);
  return code === 0
    ? sha256(await Deno.readFile(`${to}/manifest.json`))
    : stderr;
}

for (
  const [server, program] of [
    ["docker-registry 2.8", "docker-registry"],
    ["distribution v3", optionalTool("registry")],
  ] as const
) {
  const start = () => startDockerRegistry({ program });
  const ignore = interopIgnored || program === undefined;
  for (const [name, image] of Object.entries(ATTACKS)) {
    Deno.test({
      name: `interop: ${name} gets no unsigned image past a policy, ${server}`,
      ignore,
      fn: async () => {
        await using source = await start();
        await using destination = await start();
        const directory = await Deno.makeTempDir();
        try {
          const repo = "corp/app";
          const key = makeKey();
          const reference = `${source.host}/${repo}:v1`;
          await pushImage(source, { repo, tag: "v1", ...image });
          await pushImage(source, {
            repo,
            tag: `${signed.digest.replace(":", "-")}.sig`,
            ...signaturesOf(signed.digest, [{ key, reference }]),
          });
          assertEquals(await pulled(source, directory), evil.digest);
          await Deno.writeTextFile(`${directory}/k.pub`, key.publicPem);
          const policy = `${directory}/policy.json`;
          await Deno.writeTextFile(
            policy,
            JSON.stringify({
              default: [{
                type: "sigstoreSigned",
                keyPath: `${directory}/k.pub`,
              }],
            }),
          );
          const mirror = (line: string, ...flags: string[]) =>
            hangar([
              "mirror",
              "-f-",
              `-s${source.host}`,
              `-d${destination.host}`,
              `--failed=${directory}/failed.txt`,
              ...flags,
            ], { stdin: line, env: { HOME: directory } });
          for (const line of ["", `@${image.digest}`]) {
            for (const flag of [`--policy=${policy}`, "--insecure-policy"]) {
              const { code, stderr } = await mirror(
                `${repo}:v1${line}`,
                "--arch=all",
                flag,
              );
              assertEquals(code, 1, stderr);
              assertMatch(
                await pulled(destination, directory),
                /manifest unknown|name unknown/i,
              );
              const lost = await destination.fetch(
                `/v2/${repo}/manifests/${evil.digest}`,
                { headers: { accept: evil.mediaType } },
              );
              await lost.body?.cancel();
              assertEquals(lost.status, 404);
            }
          }
          // The same way with what is signed and called by its name.
          const honest = index(entry(signed));
          await pushImage(source, { repo, tag: "v1", ...honest });
          const { code, stderr } = await mirror(
            `${repo}:v1`,
            `--policy=${policy}`,
          );
          assertEquals(code, 0, stderr);
          assert(stderr.includes("1 copied"), stderr);
          assertEquals(await pulled(destination, directory), signed.digest);
        } finally {
          await Deno.remove(directory, { recursive: true });
        }
      },
    });
  }
}
