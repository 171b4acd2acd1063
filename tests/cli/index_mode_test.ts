/**
 * `--index`, from the command line on.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  makeSignatures,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const REPO = "corp/app";
const SPARSE = ["--index=sparse", "--arch=amd64"];
const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/s390x"];

function build(seed: string, platforms = PLATFORMS): MadeImage {
  return makeIndex(
    platforms.map((platform) => makeImage({ seed, platform })),
  );
}

/** How often indexes were pushed under a tag. */
function indexPuts({ destination }: Pair): (string | number)[] {
  return destination.requests.filter((seen) =>
    seen.method === "PUT" && seen.kind === "manifest" &&
    !seen.reference?.includes(":")
  ).map(({ reference, status }) => `${reference} ${status}`);
}

Deno.test("index: sparse keeps digest and signatures, and all reports say so", async () => {
  await using pair = new Pair({ quirks: { sparse: "taken" } });
  pair.damaged = true;
  const app = build("app");
  const tag = `${app.digest.replace(":", "-")}.sig`;
  pair.source.install(REPO, "v1", app);
  pair.source.install(REPO, tag, makeSignatures(app.digest, ["maker"]));
  const list = `${REPO}:v1`;
  const report = `${pair.directory}/r.json`;
  const dry = await pair.mirror(list, [...SPARSE, "--dry-run"]);
  const run = await pair.mirror(list, [...SPARSE, `--report=${report}`]);
  for (const { stderr } of [dry, run]) {
    assertStringIncludes(
      stderr,
      `[INFO] [IMG:1] index kept: 1 of 3 platforms copied, ${app.digest} is the source's own`,
    );
    assertStringIncludes(
      stderr,
      "1 with the source's index and some of its platforms",
    );
  }
  assertStringIncludes(dry.stderr, `${app.digest} (linux/amd64): 3 blobs`);
  assertEquals(pair.destination.digestOf(REPO, "v1"), app.digest);
  assertEquals(
    pair.destination.digestOf(REPO, tag),
    pair.source.digestOf(REPO, tag),
  );
  const [image] = JSON.parse(await Deno.readTextFile(report)).images;
  assertEquals(image.destination.digest, app.digest);
  assertEquals(image.sparse, {
    selected: ["linux/amd64"],
    available: 3,
    lost: [],
  });
  const again = await pair.mirror(list, SPARSE);
  assertStringIncludes(again.stderr, "0 copied, 1 up to date");
  const proof = await pair.validate(list, [...SPARSE, "--deep"]);
  assertEquals(proof.code, 0, proof.stderr);
  const { source, destination } = pair;
  assertStringIncludes(
    proof.stderr,
    `PASS: [${source.host}/${list}] == [${destination.host}/${list}]: 1 of 3 platforms there (linux/amd64)\n`,
  );
  const wider = await pair.validate(list, ["--index=sparse"]);
  assertEquals(wider.code, 1);
  assertStringIncludes(
    wider.stderr,
    `missing: linux/arm64 ${app.manifests[1]!.digest}`,
  );
});

for (
  const [how, answer] of [
    ["every lacking entry", "400 MANIFEST_BLOB_UNKNOWN"],
    ["a bad manifest", "400 MANIFEST_INVALID"],
  ] as const
) {
  Deno.test(`index: a registry that answers with ${how} is learned once, and its indexes are rebuilt`, async () => {
    const sparse = answer.endsWith("INVALID") ? "invalid" : undefined;
    await using pair = new Pair({ quirks: { sparse } });
    const tags = ["a", "b", "c"];
    for (const tag of tags) pair.source.install(REPO, tag, build(tag));
    const list = tags.map((tag) => `${REPO}:${tag}`).join("\n");
    const warning =
      `[WARN] [IMG:1] destination ${pair.destination.host} does not take an index of which it lacks entries (${answer}): its indexes are rebuilt from what is selected, and their digests are not the sources' (--index sparse)`;
    const first = await pair.mirror(list, SPARSE);
    assertEquals(first.code, 0, first.stderr);
    assertEquals(first.stderr.split("does not take an index").length, 2);
    assertStringIncludes(first.stderr, warning);
    assertStringIncludes(first.stderr, "3 copied, 0 up to date");
    assertEquals(indexPuts(pair), ["a 400", "a 201", "b 201", "c 201"]);
    for (const tag of tags) {
      const [amd64] = build(tag).manifests;
      assertEquals(pair.destination.entries(REPO, tag), [amd64!.digest]);
    }
    pair.destination.requests.length = 0;
    const second = await pair.mirror(list, SPARSE);
    assertStringIncludes(second.stderr, warning);
    assertStringIncludes(second.stderr, "0 copied, 3 up to date");
    assertEquals(indexPuts(pair), ["a 400"]);
    const dry = await pair.mirror(list, [...SPARSE, "--dry-run"]);
    assertStringIncludes(dry.stderr, "0 would be copied, 3 up to date");
    const proof = await pair.validate(list, SPARSE);
    assertEquals(proof.code, 0, proof.stderr);
    assertStringIncludes(
      proof.stderr,
      `[WARN] [IMG:1] the tag holds a rebuilt index, as where a registry does not take one of which it lacks entries: ${
        pair.destination.digestOf(REPO, "a")
      } instead of the source's ${build("a").digest} (--index sparse)`,
    );
    assertStringIncludes(
      proof.stderr,
      `~ [${pair.destination.host}/${REPO}:a]: 1 of 3 platforms selected`,
    );
  });
}

Deno.test("index: what was signed for an index that is refused stays behind, and nothing of it is written", async () => {
  await using pair = new Pair();
  const app = build("app");
  const tag = `${app.digest.replace(":", "-")}.sig`;
  pair.source.install(REPO, "v1", app);
  pair.source.install(REPO, tag, makeSignatures(app.digest, ["maker"]));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`, SPARSE);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "1 signature or referrer of the source's index");
  assertEquals(pair.destination.digestOf(REPO, tag), undefined);
});

Deno.test("index: a fault that is not about missing entries fails the image", async () => {
  let puts = 0;
  await using pair = new Pair({
    quirks: { sparse: "taken" },
    chaos: ({ method, reference }) =>
      method === "PUT" && reference === "v1" && puts++ === 0
        ? { kind: "status", status: 403 }
        : undefined,
  });
  pair.source.install(REPO, "v1", build("app"));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`, SPARSE);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "403");
  assertEquals(stderr.includes("does not take an index"), false);
});

Deno.test("index: validate says what differs where the tag holds neither index", async () => {
  await using pair = new Pair({ quirks: { sparse: "taken" } });
  pair.source.install(REPO, "v1", build("app"));
  pair.destination.install(REPO, "v1", build("old", ["linux/amd64"]));
  const { code, stderr } = await pair.validate(`${REPO}:v1`, SPARSE);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "missing: linux/amd64");
});

Deno.test("index: whole copies all platforms, and says that a filter does not count", async () => {
  await using pair = new Pair();
  const app = build("app");
  pair.source.install(REPO, "v1", app);
  const flags = ["--index=whole", "--arch=amd64"];
  const { code, stderr } = await pair.mirror(`${REPO}:v1`, flags);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf(REPO, "v1"), app.digest);
  assertStringIncludes(
    stderr,
    "[WARN] --index whole copies all platforms: --arch is not looked at",
  );
  const proof = await pair.validate(`${REPO}:v1`, flags);
  assertEquals(proof.code, 0, proof.stderr);
  assertStringIncludes(proof.stderr, "] == [");
});

Deno.test("index: another word is refused before anything is asked", async () => {
  await using pair = new Pair();
  const { code, stderr } = await pair.mirror(`${REPO}:v1`, ["--index=spares"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, '"spares" for --index');
  assertEquals(pair.source.requests.length, 0);
});
