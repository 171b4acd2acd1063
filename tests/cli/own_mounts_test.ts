import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { FakeRegistry, Quirks } from "../support/fake_registry.ts";
import { makeImage, randomBytes } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const IMAGES = 40;

/** Images of two blobs each; every fourth has its layer at the destination. */
function install(pair: Pair): { list: string; missing: number; bytes: number } {
  const lines: string[] = [];
  let missing = 0;
  let bytes = 0;
  for (let i = 0; i < IMAGES; i++) {
    const layer = randomBytes(400 + i, `layer ${i}`);
    const image = makeImage({ seed: `app ${i}`, layers: [layer] });
    pair.source.install(`corp/app-${i}`, "v1", image);
    const present = i % 4 === 3;
    if (present) {
      const { layers } = JSON.parse(
        new TextDecoder().decode(image.manifests.at(-1)!.bytes),
      );
      const { digest } = layers[0];
      pair.destination.install(`corp/app-${i}`, undefined, {
        ...image,
        manifests: [],
        blobs: new Map([[digest, image.blobs.get(digest)!]]),
      });
    }
    for (const blob of image.blobs.values()) {
      if (present && blob.byteLength === layer.byteLength) continue;
      missing++;
      bytes += blob.byteLength;
    }
    lines.push(`corp/app-${i}:v1`);
  }
  return { list: lines.join("\n"), missing, bytes };
}

function blobHeads(registry: FakeRegistry): number {
  return registry.count({ kind: "blob", method: "HEAD" });
}

async function run(quirks: Quirks) {
  // Where a single POST is taken, a blob needs no upload to be opened.
  const pair = new Pair({ quirks: { ignoresPostDigest: true, ...quirks } });
  const { list, missing, bytes } = install(pair);
  const { code, stderr } = await pair.mirror(list, ["-j1"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, `${IMAGES} copied`);
  // Whatever it learns by, it sends what is missing, once.
  assertEquals(pair.destination.blobBytesReceived, bytes);
  const puts = pair.destination.count({ kind: "upload", method: "PUT" });
  assertEquals(puts, missing);
  return pair;
}

Deno.test("own mounts: a registry that honours them is not asked for each blob", async () => {
  await using pair = await run({});
  const heads = blobHeads(pair.destination);
  // Until it is known, and for what is there, whose size is looked at.
  assert(heads >= 20 && heads <= 40, `${heads} blobs asked for`);
});

Deno.test("own mounts: a registry that ignores them is asked for each blob", async () => {
  await using pair = await run({ ignoreMounts: true });
  assertEquals(blobHeads(pair.destination), 2 * IMAGES);
  // The one trial leaves no upload behind.
  assertEquals(pair.destination.count({ kind: "upload", method: "DELETE" }), 1);
});

Deno.test("own mounts: no upload is opened early for a large blob", async () => {
  await using pair = new Pair();
  const { list } = install(pair);
  const large = makeImage({ seed: "large", layers: [600_000] });
  pair.source.install("corp/large", "v1", large);
  const { code, stderr } = await pair.mirror(`${list}\ncorp/large:v1`, ["-j1"]);
  assertEquals(code, 0, stderr);
  const [digest] = [...large.blobs].find(([, b]) => b.length === 600_000)!;
  assertEquals(
    pair.destination.requests.filter((r) => r.query.includes(digest.slice(7)))
      .map((r) => r.method),
    ["PUT"],
  );
});

Deno.test("own mounts: a short run does not try", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  await pair.mirror("corp/app:v1");
  assertEquals(
    pair.destination.requests.filter((r) => r.query.includes("mount=")),
    [],
  );
});

Deno.test("own mounts: a blob that is cut short is found and sent again", async () => {
  await using pair = new Pair();
  const { list } = install(pair);
  pair.source.install(
    "corp/last",
    "v1",
    makeImage({ seed: "last", layers: [randomBytes(777, "cut")] }),
  );
  const cut = makeImage({ seed: "last", layers: [randomBytes(777, "cut")] });
  const [digest, bytes] = [...cut.blobs].find(([, b]) => b.length === 777)!;
  pair.destination.install("corp/last", undefined, {
    ...cut,
    manifests: [],
    blobs: new Map([[digest, bytes.subarray(0, 100)]]),
  });
  const { code, stderr } = await pair.mirror(`${list}\ncorp/last:v1`, ["-j1"]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.blob(digest)?.length, 777);
});
