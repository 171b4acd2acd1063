import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type MadeImage,
  makeArtifact,
  makeImage,
  makeIndex,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const REPO = "corp/app";
const LIST = `${REPO}:v1`;

/** An image whose index entry says no more than this of its platform. */
function vague(image: MadeImage, os: string, architecture: string): MadeImage {
  return { ...image, platform: { os, architecture } };
}

/** The platforms in the index that the destination's tag names. */
function platforms(pair: Pair): unknown[] {
  const { bytes } = pair.destination.manifest(REPO, "v1")!;
  return JSON.parse(new TextDecoder().decode(bytes)).manifests
    .map(({ platform }: { platform?: unknown }) => platform);
}

Deno.test("select: an artifact in an index has no platform, and comes along with any", async () => {
  await using pair = new Pair();
  const image = makeImage({ seed: "a" });
  const chart = makeArtifact("chart");
  const other = makeImage({ seed: "z", platform: "linux/s390x" });
  pair.source.install(
    REPO,
    "v1",
    makeIndex([image, other, chart], { withoutPlatforms: true }),
  );
  const { code, stderr } = await pair.mirror(LIST);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.entries(REPO, "v1"), [
    image.digest,
    chart.digest,
  ]);
  assertEquals(platforms(pair), [undefined, undefined]);
});

Deno.test("select: linux/arm without a variant is what its config says", async () => {
  await using pair = new Pair();
  const arm = makeImage({ seed: "arm", platform: "linux/arm/v6" });
  const amd = makeImage({ seed: "amd" });
  pair.source.install(REPO, "v1", makeIndex([vague(arm, "linux", "arm"), amd]));
  const run = (arch: string) =>
    pair.mirror(LIST, [`--arch=${arch}`, "--overwrite"]);
  assertEquals((await run("arm/v7,amd64")).code, 0);
  assertEquals(pair.destination.entries(REPO, "v1"), [amd.digest]);
  assertEquals((await run("arm/v6")).code, 0);
  assertEquals(pair.destination.entries(REPO, "v1"), [arm.digest]);
  // Nothing is written into the entry.
  assertEquals(platforms(pair), [{ architecture: "arm", os: "linux" }]);
  const seven = await run("arm/v7");
  assertEquals(seven.code, 1);
  assertStringIncludes(seven.stderr, "no available image for specified arch");
});

Deno.test("select: a Windows entry without os.version replaces the build that its config names", async () => {
  await using pair = new Pair();
  const build = (seed: string, osVersion: string) =>
    makeImage({ seed, platform: "windows/amd64", osVersion });
  const new2019 = build("new", "10.0.17763.999");
  const old2019 = build("old", "10.0.17763.1");
  const old2022 = build("other", "10.0.20348.5");
  pair.source.install(
    REPO,
    "v1",
    makeIndex([vague(new2019, "windows", "amd64")]),
  );
  pair.destination.install(REPO, "v1", makeIndex([old2019, old2022]));
  const { code, stderr } = await pair.mirror(LIST, [
    "--platform=windows/amd64",
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.entries(REPO, "v1"), [
    new2019.digest,
    old2022.digest,
  ]);
  assertEquals(platforms(pair)[0], { architecture: "amd64", os: "windows" });
});

Deno.test("select: a nested index that has nothing wanted is left out whole", async () => {
  await using pair = new Pair();
  const some = makeIndex([
    makeImage({ seed: "1" }),
    makeImage({ seed: "2", platform: "linux/s390x" }),
  ]);
  const none = makeIndex([makeImage({ seed: "3", platform: "linux/s390x" })]);
  pair.source.install(REPO, "v1", makeIndex([none, some]));
  const { code, stderr } = await pair.mirror(LIST);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.entries(REPO, "v1"), [some.digest]);
  assertEquals(pair.destination.entries(REPO, some.digest).length, 2);
});

Deno.test("select: an artifact that takes the place of an index says so, once", async () => {
  await using pair = new Pair();
  const chart = makeArtifact("chart");
  pair.source.install(REPO, "v1", chart);
  pair.destination.install(
    REPO,
    "v1",
    makeIndex([
      makeImage({ seed: "1" }),
      makeImage({ seed: "2", platform: "linux/s390x" }),
    ], { attestations: true }),
  );
  const { code, stderr } = await pair.mirror(LIST);
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    "[WARN] [IMG:1] the destination's tag named linux/amd64, linux/s390x: ",
  );
  assertEquals(pair.destination.digestOf(REPO, "v1"), chart.digest);
  const again = await pair.mirror(LIST);
  assertEquals(again.stderr.includes("[WARN]"), false, again.stderr);
});
