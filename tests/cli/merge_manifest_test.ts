import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeArtifact,
  makeImage,
  makeMultiArch,
} from "../support/images.ts";

const REPO = "corp/app";

/** A registry with images under tags, and `merge-manifest` on them. */
function place(images: Readonly<Record<string, MadeImage>>) {
  const registry = FakeRegistry.start();
  for (const [tag, image] of Object.entries(images)) {
    registry.install(REPO, tag, image);
  }
  const name = (tag: string) => `${registry.host}/${REPO}:${tag}`;
  return {
    registry,
    merge: (tags: readonly string[], ...args: string[]) =>
      hangar(["merge-manifest", ...tags.map(name), ...args]),
    /** The index under a tag. */
    index: (tag: string) => {
      const { bytes, mediaType } = registry.manifest(REPO, tag)!;
      return { mediaType, text: new TextDecoder().decode(bytes) };
    },
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

const single = (platform: string, seed = platform, docker = true) =>
  makeImage({ seed, platform, docker });

Deno.test("merge-manifest: single images, in the bytes that Go hangar writes", async () => {
  const amd64 = single("linux/amd64");
  const arm64 = single("linux/arm64/v8");
  await using at = place({ amd64, arm64 });
  const { code, stdout, stderr } = await at.merge(["v1", "amd64", "arm64"]);
  assertEquals([code, stdout], [0, ""]);
  const entry = ({ mediaType, digest, bytes }: MadeImage, rest: unknown) => ({
    mediaType,
    digest,
    size: bytes.byteLength,
    platform: rest,
  });
  const mediaType = "application/vnd.oci.image.index.v1+json";
  assertEquals(at.index("v1"), {
    mediaType,
    text: JSON.stringify(
      {
        schemaVersion: 2,
        mediaType,
        manifests: [
          entry(amd64, { architecture: "amd64", os: "linux" }),
          entry(arm64, { architecture: "arm64", os: "linux", variant: "v8" }),
        ],
      },
      null,
      2,
    ),
  });
  assertStringIncludes(
    stderr,
    `Merged 2 manifests into ${at.registry.host}/${REPO}:v1, ${
      at.registry.digestOf(REPO, "v1")
    }`,
  );
  assertEquals(at.registry.violations, []);
});

Deno.test("merge-manifest: a dry run prints the same bytes, and writes nothing", async () => {
  await using at = place({
    a: single("linux/amd64"),
    b: single("linux/arm64"),
  });
  const { code, stdout } = await at.merge(["v1", "a", "b"], "--dry-run");
  assertEquals([code, at.registry.tags().length], [0, 2]);
  await at.merge(["v1", "a", "b"]);
  assertEquals(stdout, `${at.index("v1").text}\n`);
});

Deno.test("merge-manifest: of one platform the last one counts, with its attestation alone", async () => {
  const multi = makeMultiArch("m", { attestations: true });
  const newer = single("linux/arm64/v8", "newer", false);
  await using at = place({ multi, newer });
  await at.merge(["v1", "multi", "newer"]);
  const [amd64, arm64] = at.registry.entries(REPO, "multi");
  const index = JSON.parse(at.index("v1").text);
  const digests = index.manifests.map((one: { digest: string }) => one.digest);
  assertEquals(digests.includes(amd64), true);
  assertEquals(digests.includes(arm64), false);
  assertEquals(digests.at(-1), newer.digest);
  const subjects = index.manifests.flatMap((
    one: { annotations?: Record<string, string> },
  ) => one.annotations?.["vnd.docker.reference.digest"] ?? []);
  assertEquals(subjects, [amd64]);
  // What a tag held before is replaced, not added to.
  await at.merge(["v1", "newer", "newer"]);
  assertEquals(at.registry.entries(REPO, "v1"), [newer.digest]);
});

Deno.test("merge-manifest: what cannot be merged is told, and nothing is written", async () => {
  await using at = place({
    a: single("linux/amd64"),
    chart: makeArtifact("chart"),
  });
  const app = `${at.registry.host}/${REPO}`;
  for (
    const [args, code, text] of [
      [[`${app}:v1`, `${app}:a`], 2, "want at least two images"],
      [[`${app}:v1`], 2, "want at least two images"],
      [[], 2, "DESTINATION IMAGE IMAGE is missing"],
      [
        [`${app}:v1`, `${app}:a`, "quay.io/corp/app:b"],
        2,
        "mirror it there first",
      ],
      [
        [`${app}@${single("linux/amd64").digest}`, `${app}:a`, `${app}:a`],
        2,
        "want a tag",
      ],
      [
        [`${app}:v1`, `${app}:a`, `${app}:none`],
        1,
        `cannot merge ${app}:none: it is not there`,
      ],
      [[`${app}:v1`, `${app}:a`, `${app}:chart`], 1, "it has no platform"],
    ] as const
  ) {
    const result = await hangar(["merge-manifest", ...args]);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, text);
  }
  assertEquals(at.registry.tags(), [`${REPO}:a`, `${REPO}:chart`]);
});
