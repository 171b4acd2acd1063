/**
 * `--index`: whether a tag keeps the source's index of which only some is
 * copied.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { parsePlatformFilter } from "../../src/oci/platform.ts";
import type { ImageJudge } from "../../src/mirror/check_policy.ts";
import { SigningKey } from "../../src/signatures/sigstore_key.ts";
import { SimpleSigner } from "../../src/signing/simple_signer.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  makeMultiArch,
  makeSignatures,
} from "../support/images.ts";
import type { MemoryStoreOptions } from "../support/memory_store.ts";
import { MemoryWorld, type Order } from "../support/memory_world.ts";
import { makeKey } from "../support/signing.ts";

const APP: Order = { sources: ["corp/app:v1"], destination: "corp/app:v1" };
const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/s390x"];

function sparse(...platforms: string[]) {
  return {
    filter: parsePlatformFilter({ platforms }),
    index: "sparse" as const,
  };
}

const AMD64 = sparse("linux/amd64");

function app(seed = "app"): MadeImage {
  return makeMultiArch(seed, { platforms: PLATFORMS });
}

/** The destination takes indexes of which it lacks entries. */
function world(source: MemoryStoreOptions = {}): MemoryWorld {
  return new MemoryWorld({ sparse: true }, source);
}

/** Which of an image's manifests a repository of the destination holds. */
async function heldOf(
  { destination }: MemoryWorld,
  image: MadeImage,
): Promise<boolean[]> {
  const held = await Promise.all(
    image.manifests.map(({ digest }) =>
      destination.headManifest("corp/app", digest)
    ),
  );
  return held.map((one) => one !== undefined);
}

/** A policy that has to be asked. */
function judgeOf(accepts: (digest: string) => boolean): ImageJudge {
  return {
    digest: digestOf(new Uint8Array()),
    isTrivialFor: () => false,
    judge: ({ digest }) =>
      accepts(digest)
        ? Promise.resolve([{ signer: { identity: "maker@example.com" } }])
        : Promise.reject(new HangarError("rejected", "not this one")),
  };
}

function tagOf(digest: string): string {
  return `${digest.replace(":", "-")}.sig`;
}

Deno.test("sparse: the tag gets the source's own index, and only the selected entries are copied", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  const result = await run.mirror(APP, AMD64);
  assertEquals(result.kind, "copied");
  assertEquals(run.destination.tag("corp/app", "v1"), image.digest);
  assertEquals(await heldOf(run, image), [true, false, false, true]);
  assertEquals(result.merge, undefined);
  assertEquals(result.sparse, {
    selected: ["linux/amd64"],
    available: 3,
    lost: [],
  });
  assertEquals(run.warnings, []);
});

Deno.test("sparse: an attestation comes with its subject alone", async () => {
  const run = world();
  const image = makeMultiArch("app", { attestations: true });
  run.source.install("corp/app", "v1", image);
  await run.mirror(APP, AMD64);
  assertEquals(await heldOf(run, image), [true, false, true, false, true]);
});

Deno.test("sparse: the signatures of the index are copied, and of what was selected of it", async () => {
  const run = world();
  const image = app();
  const [amd64, arm64] = image.manifests;
  for (const { digest } of [image, amd64!, arm64!]) {
    const signatures = makeSignatures(digest, ["someone"]);
    run.source.install("corp/app", tagOf(digest), signatures);
  }
  run.source.install("corp/app", "v1", image);
  await run.mirror(APP, AMD64);
  const copied = [image, amd64!, arm64!].map(({ digest }) =>
    run.destination.tag("corp/app", tagOf(digest)) !== undefined
  );
  assertEquals(copied, [true, true, false]);
  assertEquals(run.warnings, []);
});

Deno.test("sparse: the index is signed, and what was copied of it; not where the policy refuses what is left out", async () => {
  const image = app();
  const [amd64, , s390x] = image.manifests;
  const cases: readonly (readonly [ImageJudge | undefined, boolean])[] = [
    [undefined, true],
    [judgeOf(() => true), true],
    [judgeOf((digest) => digest !== s390x!.digest), false],
  ];
  for (const [judge, isIndexSigned] of cases) {
    const run = world();
    run.source.install("corp/app", "v1", image);
    const signer = new SimpleSigner(new SigningKey(makeKey().privateKey));
    await run.mirror(APP, { ...AMD64, signer, judge });
    const signed = image.manifests.map(({ digest }) =>
      run.destination.tag("corp/app", tagOf(digest)) !== undefined
    );
    assertEquals(signed, [true, false, false, isIndexSigned]);
    assertEquals(
      run.warnings,
      isIndexSigned ? [] : [
        `the index ${image.digest} is not signed: it names entries that the policy does not accept, though they are not copied: ${s390x?.digest}`,
      ],
    );
  }
  assert(amd64);
});

Deno.test("sparse: the tag's digest does not prove that what is selected now is there", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  await run.mirror(APP, AMD64);
  run.nextRun();
  assertEquals((await run.mirror(APP, AMD64)).kind, "up-to-date");
  assertEquals(run.destination.count("putManifest"), 0);
  run.nextRun();
  const wider = sparse("linux/amd64", "linux/arm64");
  const found = await run.validate(APP, wider);
  assertEquals(found.kind, "failed");
  assertEquals(found.findings, [
    `missing: linux/arm64 ${image.manifests[1]!.digest}`,
  ]);
  assertEquals((await run.dryRun(APP, wider)).kind, "planned");
  run.nextRun();
  assertEquals((await run.mirror(APP, wider)).kind, "copied");
  assertEquals(await heldOf(run, image), [true, true, false, true]);
  run.nextRun();
  assertEquals((await run.mirror(APP, wider)).kind, "up-to-date");
  assertEquals((await run.validate(APP, wider)).kind, "passed");
});

Deno.test("sparse: what is up to date costs one HEAD more for each selected entry", async () => {
  const run = world();
  run.source.install("corp/app", "v1", app());
  await run.mirror(APP, AMD64);
  run.nextRun();
  await run.mirror(APP, { ...AMD64, signatures: false });
  assertEquals(run.source.calls.map(({ call }) => call), ["headManifest"]);
  assertEquals(
    run.destination.calls.map(({ call }) => call),
    ["getManifest", "headManifest"],
  );
});

Deno.test("sparse: a pinned image that a sparse run brought is completed", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  await run.mirror(APP, AMD64);
  const name = `corp/app:v1@${image.digest}`;
  const order = { sources: [name], destination: name };
  run.nextRun();
  assertEquals((await run.mirror(order, AMD64)).kind, "copied");
  assertEquals(await heldOf(run, image), [true, true, true, true]);
  run.nextRun();
  assertEquals((await run.mirror(order, AMD64)).kind, "up-to-date");
});

Deno.test("sparse: nothing is merged into the index, and what the tag no longer names is told", async () => {
  const run = world();
  const image = app();
  const power = makeImage({ seed: "power", platform: "linux/ppc64le" });
  const old = makeIndex([
    power,
    makeImage({ seed: "old", platform: "linux/amd64" }),
  ]);
  run.source.install("corp/app", "v1", image);
  run.destination.install("corp/app", "v1", old);
  const result = await run.mirror(APP, AMD64);
  assertEquals(run.destination.tag("corp/app", "v1"), image.digest);
  assertEquals(result.sparse?.lost, [
    { digest: power.digest, platform: "linux/ppc64le" },
  ]);
  assertEquals(run.warnings, [
    `the tag no longer names linux/ppc64le, ${power.digest}, which no source has: the source's index is kept as it is (--index sparse), so nothing is merged into it`,
  ]);
});

Deno.test("sparse: a single image that the tag no longer names is told, too", async () => {
  const run = world();
  const power = makeImage({ seed: "power", platform: "linux/ppc64le" });
  run.source.install("corp/app", "v1", app());
  run.destination.install("corp/app", "v1", power);
  const result = await run.mirror(APP, AMD64);
  assertEquals(result.sparse?.lost, [
    { digest: power.digest, platform: "linux/ppc64le" },
  ]);
});

Deno.test("sparse: a tag that is merged from several sources is rebuilt, and says why", async () => {
  const run = world();
  run.source.install("corp/app", "a", app("a"));
  run.source.install("corp/app", "b", app("b"));
  const order = {
    sources: ["corp/app:a", "corp/app:b"],
    destination: "corp/app:v1",
  };
  const result = await run.mirror(order, AMD64);
  assertEquals(result.merge?.selected, ["linux/amd64"]);
  assertEquals(run.warnings, [
    "the tag is merged from 2 sources, so it cannot keep the index of one (--index sparse): it is rebuilt",
  ]);
});

Deno.test("sparse: a selected entry that cannot be copied leaves the tag alone", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  const [layer] = [...image.blobs.keys()];
  run.source.damage("corp/app", layer!, new Uint8Array(1000));
  await assertRejects(() => run.mirror(APP, AMD64), HangarError);
  assertEquals(run.destination.tag("corp/app", "v1"), undefined);
});

Deno.test("sparse: nothing selected is skipped, whatever the tag holds", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  const windows = sparse("windows/amd64");
  assertEquals((await run.mirror(APP, windows)).kind, "skipped");
  await run.mirror(APP, AMD64);
  assertEquals((await run.mirror(APP, windows)).kind, "skipped");
});

Deno.test("sparse: with --overwrite all that is selected is looked at again", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  await run.mirror(APP, AMD64);
  const [amd64] = image.manifests;
  const [blob] = [...image.blobs.keys()];
  run.destination.damage("corp/app", amd64!.digest);
  run.destination.damage("corp/app", blob!);
  run.nextRun();
  await run.mirror(APP, { ...AMD64, overwrite: true });
  assertEquals((await run.validate(APP, AMD64)).kind, "passed");
  assertEquals(await heldOf(run, image), [true, false, false, true]);
});

Deno.test("whole: all platforms are taken, whatever the filter says", async () => {
  const run = new MemoryWorld();
  const image = app();
  run.source.install("corp/app", "v1", image);
  await run.mirror(APP, { ...AMD64, index: "whole" });
  assertEquals(run.destination.tag("corp/app", "v1"), image.digest);
  assertEquals(await heldOf(run, image), [true, true, true, true]);
});

Deno.test("a source whose index is sparse: what is selected must be there, the rest need not", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  const [, arm64, s390x] = image.manifests;
  for (const { digest } of [arm64!, s390x!]) {
    run.source.damage("corp/app", digest);
  }
  assertEquals((await run.mirror(APP, AMD64)).kind, "copied");
  const error = await assertRejects(
    () => run.mirror(APP, sparse("linux/arm64")),
    HangarError,
  );
  assertEquals(error.code, "not-found");
  assert(error.message.includes(arm64!.digest), error.message);
  assert(error.hint?.includes("sparse"), error.hint);
});

Deno.test("a partial source: what it lacks of its indexes is not selected", async () => {
  const run = world({ partial: true });
  const image = app();
  run.source.install("corp/app", "v1", image);
  run.source.damage("corp/app", image.manifests[1]!.digest);
  const filter = parsePlatformFilter({ platforms: ["all"] });
  const kept = await run.mirror(APP, { filter, index: "sparse" });
  assertEquals(kept.sparse?.selected, ["linux/amd64", "linux/s390x"]);
  assertEquals(run.destination.tag("corp/app", "v1"), image.digest);
  assertEquals(await heldOf(run, image), [true, false, true, true]);
  const order = { sources: ["corp/app:v1"], destination: "corp/other:v1" };
  const rebuilt = await run.mirror(order, { filter });
  assertEquals(rebuilt.merge?.selected, ["linux/amd64", "linux/s390x"]);
  const none = await run.mirror(
    { ...order, destination: "corp/third:v1" },
    { filter: parsePlatformFilter({ platforms: ["linux/arm64"] }) },
  );
  assertEquals(none.nothing?.available, ["linux/amd64", "linux/s390x"]);
});

Deno.test("rebuild: what an index names and its registry does not hold is not kept", async () => {
  const run = world();
  const image = app();
  run.source.install("corp/app", "v1", image);
  await run.mirror(APP, AMD64);
  const [amd64, arm64, s390x] = image.manifests;
  const next = makeIndex([
    makeImage({ seed: "next", platform: "linux/amd64" }),
    makeImage({ seed: "app linux/arm64", platform: "linux/arm64" }),
  ]);
  assertEquals(next.manifests[1]!.digest, arm64!.digest);
  run.source.install("corp/app", "v1", next);
  run.nextRun();
  const filter = parsePlatformFilter({
    platforms: ["linux/amd64", "linux/arm64"],
  });
  const result = await run.mirror(APP, { filter });
  assertEquals(result.kind, "copied");
  assertEquals(run.destination.tag("corp/app", "v1"), next.digest);
  assertEquals(await heldOf(run, next), [true, true, true]);
  assertEquals(await heldOf(run, image), [true, true, false, true]);
  assert(amd64 && s390x);
  assertEquals(run.warnings, [
    `the destination's tag names ${s390x.digest}, but the destination does not hold it: it is left out`,
  ]);
});
