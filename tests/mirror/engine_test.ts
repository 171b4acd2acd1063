/**
 * The engine on stores in memory: what it decides, what it asks, in which order.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { parsePlatformFilter } from "../../src/oci/platform.ts";
import { BundleMaker } from "../../src/signatures/bundle.ts";
import { SigningKey } from "../../src/signatures/sigstore_key.ts";
import { BundleSigner } from "../../src/signing/bundle_signer.ts";
import { SimpleSigner } from "../../src/signing/simple_signer.ts";
import {
  type MadeImage,
  makeFallback,
  makeImage,
  makeIndex,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
  randomBytes,
  sha256,
} from "../support/images.ts";
import type { StoreCall } from "../support/memory_store.ts";
import { MemoryWorld, type Order } from "../support/memory_world.ts";
import { makeKey } from "../support/signing.ts";

const APP: Order = { sources: ["corp/app:v1"], destination: "corp/app:v1" };
const AMD64 = {
  filter: parsePlatformFilter({ platforms: ["linux/amd64"] }),
};

function app(seed = "app"): MadeImage {
  return makeMultiArch(seed);
}

/** `call reference` of each call, in order. */
function shown(calls: readonly StoreCall[]): string[] {
  return calls.map(({ call, reference }) => `${call} ${reference}`);
}

function tagOf(digest: string, suffix: string): string {
  return `${digest.replace(":", "-")}.${suffix}`;
}

Deno.test("engine: children are there before their index, and the tag comes last", async () => {
  const world = new MemoryWorld();
  const image = app();
  world.source.install("corp/app", "v1", image);
  assertEquals((await world.mirror(APP)).kind, "copied");
  assertEquals(world.destination.tag("corp/app", "v1"), image.digest);
  const puts = world.destination.calls.filter((c) => c.call === "putManifest");
  assertEquals(puts.at(-1)?.reference, "v1");
  const roles = image.manifests.map(({ digest }) =>
    world.destination.roles.get(`corp/app@${digest}`)
  );
  assertEquals(roles.at(-1), ["root"]);
  assertEquals(
    roles.slice(0, -1),
    image.manifests.slice(1).map(() => ["child"]),
  );
});

Deno.test("engine: what a nested index names is a child, too", async () => {
  const world = new MemoryWorld();
  const inner = makeMultiArch("inner");
  const image = makeIndex([inner]);
  world.source.install("corp/app", "v1", image);
  await world.mirror(APP);
  for (const { digest } of inner.manifests) {
    assertEquals(world.destination.roles.get(`corp/app@${digest}`), ["child"]);
  }
});

Deno.test("engine: what is up to date costs a HEAD and a GET", async () => {
  const world = new MemoryWorld();
  world.source.install("corp/app", "v1", app());
  await world.mirror(APP);
  world.nextRun();
  const again = await world.mirror(APP, { signatures: false });
  assertEquals(again.kind, "up-to-date");
  assertEquals(shown(world.source.calls), ["headManifest v1"]);
  assertEquals(shown(world.destination.calls), ["getManifest v1"]);
});

Deno.test("engine: a pinned digest that is there is not asked for at the source", async () => {
  const world = new MemoryWorld();
  const image = app();
  world.source.install("corp/app", "v1", image);
  const name = `corp/app:v1@${image.digest}`;
  const order: Order = { sources: [name], destination: name };
  assertEquals((await world.mirror(order)).kind, "copied");
  assertEquals(world.destination.tag("corp/app", "v1"), image.digest);
  world.nextRun();
  const again = await world.mirror(order, { signatures: false });
  const { platforms, ...told } = again;
  assertEquals(told, {
    kind: "up-to-date",
    digest: again.digest,
    sourceDigests: [again.digest!],
    merge: undefined,
    sparse: undefined,
  });
  assertEquals(
    platforms?.map(({ platform }) => platform),
    ["linux/amd64", "linux/arm64"],
  );
  assertEquals(again.digest as string, image.digest);
  assertEquals(shown(world.source.calls), []);
});

Deno.test("engine: a pinned digest alone is put by its digest, and nothing is tagged", async () => {
  const world = new MemoryWorld();
  const image = app();
  world.source.install("corp/app", "v1", image);
  const name = `corp/app@${image.digest}`;
  await world.mirror({ sources: [name], destination: name });
  assertEquals(world.destination.tag("corp/app", "v1"), undefined);
  assertEquals(
    world.destination.roles.get(`corp/app@${image.digest}`),
    ["root"],
  );
});

Deno.test("engine: what a pinned tag holds is replaced, even where nobody understands it", async () => {
  const world = new MemoryWorld();
  const image = app();
  world.source.install("corp/app", "v1", image);
  const bytes = new TextEncoder().encode('{"schemaVersion": 7}');
  const odd = { bytes, mediaType: image.mediaType, digest: sha256(bytes) };
  const blobs = new Map<string, Uint8Array>();
  world.destination.install("corp/app", "v1", {
    ...odd,
    blobs,
    manifests: [odd],
  });
  const error = await assertRejects(() => world.mirror(APP), HangarError);
  assertEquals(error.code, "invalid-manifest");
  const name = `corp/app:v1@${image.digest}`;
  const order = { sources: [name], destination: name };
  const proof = await assertRejects(() => world.validate(order), HangarError);
  assertEquals(proof.code, "invalid-manifest");
  assertEquals((await world.mirror(order)).kind, "copied");
});

// What is there, what is asked for, and what comes of it.
const SITUATIONS: readonly {
  readonly name: string;
  readonly prepare: (world: MemoryWorld, image: MadeImage) => void;
  readonly order?: (image: MadeImage) => Order;
  readonly options?: typeof AMD64;
  readonly isThere: boolean;
}[] = [
  { name: "a tag that is not there", prepare: () => {}, isThere: false },
  {
    name: "a tag that holds the same",
    prepare: (world, image) =>
      world.destination.install("corp/app", "v1", image),
    isThere: true,
  },
  {
    name: "a tag that holds another image",
    prepare: (world) =>
      world.destination.install("corp/app", "v1", app("another")),
    isThere: false,
  },
  {
    name: "a part of an index",
    prepare: () => {},
    options: AMD64,
    isThere: false,
  },
  {
    name: "a pinned digest that is not there",
    prepare: () => {},
    order: ({ digest }) => ({
      sources: [`corp/app@${digest}`],
      destination: `corp/app@${digest}`,
    }),
    isThere: false,
  },
  {
    name: "a pinned digest that is there",
    prepare: (world, image) =>
      world.destination.install("corp/app", undefined, image),
    order: ({ digest }) => ({
      sources: [`corp/app@${digest}`],
      destination: `corp/app@${digest}`,
    }),
    isThere: true,
  },
  {
    name: "a pinned digest whose tag holds another image",
    prepare: (world) =>
      world.destination.install("corp/app", "v1", app("another")),
    order: ({ digest }) => ({
      sources: [`corp/app:v1@${digest}`],
      destination: `corp/app:v1@${digest}`,
    }),
    isThere: false,
  },
  {
    name: "two sources of one tag",
    prepare: (world) => {
      world.source.install(
        "corp/arm",
        "v1",
        makeImage({ seed: "arm", platform: "linux/arm64" }),
      );
      world.source.install(
        "corp/amd",
        "v1",
        makeImage({ seed: "amd", platform: "linux/amd64" }),
      );
    },
    order: () => ({
      sources: ["corp/amd:v1", "corp/arm:v1"],
      destination: "corp/app:v1",
    }),
    isThere: false,
  },
];

for (const { name, prepare, order, options, isThere } of SITUATIONS) {
  Deno.test(`engine: mirror, dry run and validation decide alike: ${name}`, async () => {
    const world = new MemoryWorld();
    const image = app();
    world.source.install("corp/app", "v1", image);
    prepare(world, image);
    const asked = order?.(image) ?? APP;
    const before = world.destination.count("putManifest");
    const dry = await world.dryRun(asked, options);
    assertEquals(dry.kind, isThere ? "up-to-date" : "planned");
    assertEquals(world.destination.count("putManifest"), before);
    assertEquals(world.destination.count("writeBlob"), 0);
    world.nextRun();
    const early = await world.validate(asked, options);
    assertEquals(early.kind, isThere ? "passed" : "failed");
    world.nextRun();
    const mirrored = await world.mirror(asked, options);
    assertEquals(mirrored.kind, isThere ? "up-to-date" : "copied");
    // What was foretold is what was done.
    assertEquals(mirrored.digest, dry.digest);
    const { send = { blobs: 0, bytes: 0 } } = dry.plan ?? {};
    assertEquals(world.destination.count("writeBlob"), send.blobs);
    assertEquals(world.destination.received, send.bytes);
    world.nextRun();
    const late = await world.validate(asked, options);
    assertEquals(late.kind, "passed", late.findings?.join("\n"));
    assertEquals(late.digest, mirrored.digest);
  });
}

function sharing(count: number): MadeImage[] {
  const base = randomBytes(3_000, "base");
  return Array.from(
    { length: count },
    (_, i) => makeImage({ seed: `app ${i}`, layers: [base, 100 + i] }),
  );
}

async function mirrorSharing(world: MemoryWorld, count: number) {
  for (const [i, image] of sharing(count).entries()) {
    const name = `corp/app-${i}:v1`;
    world.source.install(`corp/app-${i}`, "v1", image);
    await world.mirror({ sources: [name], destination: `to/app-${i}:v1` });
  }
}

Deno.test("engine: a base that another repository got is mounted from there", async () => {
  const world = new MemoryWorld();
  await mirrorSharing(world, 3);
  assertEquals(world.destination.count("mountBlob"), 2);
  assertEquals(world.blobs.filter((how) => how === "mounted").length, 2);
});

Deno.test("engine: a store that mounts nothing is never asked to", async () => {
  const world = new MemoryWorld({ mounts: "no" });
  await mirrorSharing(world, 3);
  assertEquals(world.destination.count("mountBlob"), 0);
  assertEquals(world.blobs.filter((how) => how === "sent").length, 9);
});

Deno.test("engine: a store that ignores a mount of what it holds is asked once", async () => {
  const world = new MemoryWorld({ mounts: "ignored" });
  await mirrorSharing(world, 4);
  assertEquals(world.destination.count("mountBlob"), 1);
});

Deno.test("engine: a registry that does not mount what its own source holds is asked once", async () => {
  const one = { id: "registry.test", mounts: "ignored" } as const;
  const world = new MemoryWorld(one, one);
  for (let i = 0; i < 4; i++) {
    const image = makeImage({ seed: `${i}`, layers: [100 + i] });
    world.source.install(`from/app-${i}`, "v1", image);
    await world.mirror({
      sources: [`from/app-${i}:v1`],
      destination: `to/app-${i}:v1`,
    });
  }
  // The two blobs of the first image are under way side by side.
  assertEquals(world.destination.count("mountBlob"), 2);
  assertEquals(world.blobs.filter((how) => how === "sent").length, 8);
});

Deno.test("engine: made signatures do not make a store look as if it ignored mounts", async () => {
  const one = { id: "registry.test" };
  const world = new MemoryWorld(one, one);
  const key = makeKey();
  const signer = new SimpleSigner(new SigningKey(key.privateKey));
  const images = Array.from(
    { length: 6 },
    (_, i) => makeImage({ seed: `${i}` }),
  );
  for (const [i, image] of images.entries()) {
    world.source.install(`from/app-${i}`, "v1", image);
    await world.mirror({
      sources: [`from/app-${i}:v1`],
      destination: `to/app-${i}:v1`,
    }, { signer });
  }
  // Each image has two layers and a config, all of which its source holds.
  assertEquals(world.blobs.filter((how) => how === "mounted").length, 18);
  // A payload and a config for each signature, which nobody holds.
  assertEquals(world.blobs.filter((how) => how === "sent").length, 12);
  assertEquals(world.destination.count("mountBlob"), 18);
});

Deno.test("engine: a source that lacks what it names condemns no registry", async () => {
  const one = { id: "registry.test" };
  const world = new MemoryWorld(one, one);
  const broken = makeImage({ seed: "broken" });
  world.source.install("from/broken", "v1", broken);
  const [lost] = broken.blobs.keys();
  world.source.damage("from/broken", lost!);
  const order = { sources: ["from/broken:v1"], destination: "to/broken:v1" };
  const error = await assertRejects(() => world.mirror(order), HangarError);
  assertEquals(error.code, "not-found");
  world.source.install("from/app", "v1", makeImage({ seed: "whole" }));
  world.blobs.length = 0;
  await world.mirror({ sources: ["from/app:v1"], destination: "to/app:v1" });
  assertEquals(world.blobs, ["mounted", "mounted", "mounted"]);
});

for (const referrers of [true, false]) {
  Deno.test(
    `engine: what is attached comes in the role of a referrer, ${
      referrers ? "with" : "without"
    } a list at the store`,
    async () => {
      const options = { referrers };
      const world = new MemoryWorld(options, options);
      const image = app();
      const sbom = makeReferrer(image, "sbom");
      const signatures = makeSignatures(image.digest, ["one"]);
      world.source.install("corp/app", "v1", image);
      world.source.install("corp/app", undefined, sbom);
      world.source.install("corp/app", tagOf(image.digest, "sig"), signatures);
      if (!referrers) {
        world.source.install(
          "corp/app",
          image.digest.replace(":", "-"),
          makeFallback([sbom]),
        );
      }
      await world.mirror(APP);
      for (const { digest } of [sbom, signatures]) {
        assertEquals(
          world.destination.roles.get(`corp/app@${digest}`),
          ["referrer"],
        );
      }
      world.nextRun();
      assertEquals((await world.validate(APP)).kind, "passed");
      assertEquals((await world.mirror(APP)).kind, "up-to-date");
      assertEquals(world.destination.count("putManifest"), 0);
    },
  );
}

Deno.test("engine: a bundle is made once, and is a referrer", async () => {
  const world = new MemoryWorld();
  const image = makeImage({ seed: "bundled" });
  world.source.install("corp/app", "v1", image);
  const key = new SigningKey(makeKey().privateKey);
  const signer = new BundleSigner(new BundleMaker({ key }));
  await world.mirror(APP, { signer });
  const roles = [...world.destination.roles.values()].flat();
  assertEquals(roles.filter((role) => role === "referrer").length, 1);
  world.nextRun();
  await world.mirror(APP, { signer });
  assertEquals(world.destination.count("putManifest"), 0);
});

Deno.test("engine: indexes may be nested eight deep, and no deeper", async () => {
  for (const [depth, isTaken] of [[8, true], [9, false]] as const) {
    const world = new MemoryWorld();
    let image: MadeImage = makeImage({ seed: "core" });
    for (let i = 0; i < depth; i++) image = makeIndex([image]);
    world.source.install("corp/app", "v1", image);
    const work = () => world.mirror(APP);
    if (isTaken) assertEquals((await work()).kind, "copied");
    else {
      const error = await assertRejects(work, HangarError);
      assertEquals(error.code, "invalid-manifest");
      assertEquals(world.destination.tag("corp/app", "v1"), undefined);
    }
  }
});

Deno.test("engine: nothing is tagged when a blob cannot be read", async () => {
  const world = new MemoryWorld();
  const image = app();
  world.source.install("corp/app", "v1", image);
  const [lost] = image.blobs.keys();
  world.source.damage("corp/app", lost!, randomBytes(1000, "damage"));
  const error = await assertRejects(() => world.mirror(APP), HangarError);
  assertEquals(error.code, "content-mismatch");
  assertEquals(world.destination.tag("corp/app", "v1"), undefined);
  assert(!world.destination.holds("corp/app", lost!));
});
