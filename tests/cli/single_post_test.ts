/**
 * Small blobs in a single POST, where a registry takes that.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type {
  FakeRegistryOptions,
  SeenRequest,
} from "../support/fake_registry.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const IMAGES = 4;

/** Whether a request brings a blob by itself. */
function isSingle({ kind, method, query }: SeenRequest): boolean {
  return kind === "upload" && method === "POST" && query.includes("digest=");
}

async function run(options: FakeRegistryOptions, first = 500) {
  const pair = new Pair(options);
  const lines: string[] = [];
  let bytes = 0;
  for (let i = 0; i < IMAGES; i++) {
    const image = makeImage({ seed: `${i}`, layers: [first + i] });
    pair.source.install("corp/app", `v${i}`, image);
    lines.push(`corp/app:v${i}`);
    for (const blob of image.blobs.values()) bytes += blob.byteLength;
  }
  const { code, stderr } = await pair.mirror(lines.join("\n"), ["-j1"]);
  assertEquals(code, 0, stderr);
  for (const line of lines) {
    const tag = line.split(":")[1]!;
    assertEquals(
      pair.destination.digestOf("corp/app", tag),
      pair.source.digestOf("corp/app", tag),
    );
  }
  const { requests } = pair.destination;
  return {
    pair,
    bytes,
    received: pair.destination.blobBytesReceived,
    singles: requests.filter(isSingle).length,
    puts: pair.destination.count({ kind: "upload", method: "PUT" }),
  };
}

Deno.test("single POST: where it is taken, a small blob is one request", async () => {
  const { pair, bytes, received, singles, puts } = await run({});
  await using _ = pair;
  // The layer and the config of each image; two of the first go side by side.
  assertEquals(singles + puts, 2 * IMAGES);
  assertEquals(puts <= 1, true);
  assertEquals(received, bytes);
});

Deno.test("single POST: where it only opens an upload, that is used, and it is not tried again", async () => {
  const quirks = { ignoresPostDigest: true };
  const { pair, bytes, received, singles, puts } = await run({ quirks });
  await using _ = pair;
  assertEquals([singles, puts, received], [1, 2 * IMAGES, bytes]);
  const posts = pair.destination.count({ kind: "upload", method: "POST" });
  assertEquals(posts, 2 * IMAGES);
});

for (const status of [400, 405, 411, 415]) {
  Deno.test(`single POST: where it is refused with ${status}, it is not tried again`, async () => {
    const { pair, singles, puts } = await run({
      chaos: (seen) => isSingle(seen) ? { status } : undefined,
    });
    await using _ = pair;
    assertEquals([singles, puts], [1, 2 * IMAGES]);
  });
}

Deno.test("single POST: what has arrived is not sent again where the answer is lost", async () => {
  let lost = 0;
  const { pair, bytes, received } = await run({
    chaos: (seen) =>
      isSingle(seen) && lost++ < 3 ? { lostAnswer: 502 } : undefined,
  });
  await using _ = pair;
  assertEquals(received, bytes);
});

Deno.test("single POST: a registry that keeps the content and waits for more gets it in a new upload", async () => {
  const { pair, singles } = await run({ quirks: { keepsPostBody: true } });
  await using _ = pair;
  assertEquals(singles, 1);
});

Deno.test("single POST: it is not tried with more than 64 KiB", async () => {
  const quirks = { ignoresPostDigest: true };
  const { pair } = await run({ quirks }, 70_000);
  await using _ = pair;
  const tried = pair.destination.requests.filter(isSingle);
  assertEquals(tried.length, 1);
  const layers = [...Array(IMAGES).keys()].map((i) => 70_000 + i);
  const digest = new URLSearchParams(tried[0]!.query).get("digest")!;
  const { byteLength = 0 } = pair.source.blob(digest) ?? {};
  assertEquals(layers.includes(byteLength), false);
});
