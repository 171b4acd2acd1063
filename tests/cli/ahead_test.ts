import { assertEquals } from "@std/assert";
import type { FakeRegistry } from "../support/fake_registry.ts";
import { type MadeImage, makeImage, randomBytes } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

/** After so many in a row, the next one is expected to be lacking too. */
const ENOUGH = 8;

function app(i: number): MadeImage {
  return makeImage({
    seed: `app ${i}`,
    layers: [randomBytes(300 + i, `layer ${i}`)],
  });
}

/** The digest of the layer of {@linkcode app}. */
function layerOf(image: MadeImage): string {
  const { layers } = JSON.parse(
    new TextDecoder().decode(image.manifests.at(-1)!.bytes),
  );
  return layers[0].digest;
}

/** Installs so many images at the source, from a number on; gives their lines. */
function install({ source }: Pair, from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    source.install(`corp/app-${from + i}`, "v1", app(from + i));
    return `corp/app-${from + i}:v1`;
  });
}

/** How the tags of a repository were read. */
function tagReads(registry: FakeRegistry, repository: string): string[] {
  return registry.requests
    .filter((seen) =>
      seen.kind === "manifest" && seen.repository === repository
    )
    .map((seen) => seen.reference === "v1" ? seen.method : "by digest");
}

Deno.test("ahead: where images are lacking one after the other, the source's manifest is read at once", async () => {
  await using pair = new Pair();
  const list = install(pair, 0, ENOUGH + 4);
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j1"]);
  assertEquals(code, 0, stderr);
  for (let i = 0; i < list.length; i++) {
    assertEquals(
      tagReads(pair.source, `corp/app-${i}`),
      i < ENOUGH ? ["HEAD", "by digest"] : ["GET"],
      `image ${i}`,
    );
  }
});

Deno.test("ahead: one image that is up to date ends it", async () => {
  await using pair = new Pair();
  const lacking = install(pair, 0, ENOUGH);
  const there = install(pair, ENOUGH, 3);
  for (let i = ENOUGH; i < ENOUGH + 3; i++) {
    pair.destination.install(`corp/app-${i}`, "v1", app(i));
  }
  const list = [...lacking, ...there].join("\n");
  const { code, stderr } = await pair.mirror(list, ["-j1"]);
  assertEquals(code, 0, stderr);
  assertEquals(
    [0, 1, 2].map((i) => tagReads(pair.source, `corp/app-${ENOUGH + i}`)),
    [["GET"], ["HEAD"], ["HEAD"]],
  );
});

Deno.test("ahead: a registry that counts pulls is asked by HEAD, which counts for nothing", async () => {
  await using pair = new Pair({}, {
    quirks: {
      headers: () => ({
        "ratelimit-limit": "100;w=21600",
        "ratelimit-remaining": "90;w=21600",
      }),
    },
  });
  const list = install(pair, 0, ENOUGH + 4);
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j1"]);
  assertEquals(code, 0, stderr);
  assertEquals(
    list.map((_, i) => tagReads(pair.source, `corp/app-${i}`)[0]),
    list.map(() => "HEAD"),
  );
});

Deno.test("ahead: a small blob is read while the destination is asked for it", async () => {
  await using pair = new Pair({
    quirks: { ignoreMounts: true, ignoresPostDigest: true },
  });
  const list = install(pair, 0, ENOUGH + 1);
  const last = `corp/app-${ENOUGH}`;
  // It never answers, so what comes after the answer does not happen.
  pair.destination.fault({
    match: { method: "HEAD", kind: "blob", repository: last },
    action: { stall: true },
  });
  const { code } = await pair.mirror(list.join("\n"), ["-j1", "--timeout=4s"]);
  assertEquals(code, 1);
  const layer = { repository: last, reference: layerOf(app(ENOUGH)) };
  assertEquals(pair.source.count({ method: "GET", ...layer }), 1);
  assertEquals(
    pair.destination.count({ kind: "upload", repository: last }),
    0,
  );
});

for (const ignoreMounts of [false, true]) {
  const how = ignoreMounts ? "asks for each blob" : "mounts from itself";
  Deno.test(`ahead: what turns out to be there is not sent, where hangar ${how}`, async () => {
    await using pair = new Pair({
      quirks: { ignoreMounts, ignoresPostDigest: true },
    });
    const list = install(pair, 0, 3 * ENOUGH + 1);
    const last = app(3 * ENOUGH);
    const digest = layerOf(last);
    pair.destination.install(`corp/app-${3 * ENOUGH}`, undefined, {
      ...last,
      manifests: [],
      blobs: new Map([[digest, last.blobs.get(digest)!]]),
    });
    const { code, stderr } = await pair.mirror(list.join("\n"), ["-j1"]);
    assertEquals(code, 0, stderr);
    const puts = pair.destination.requests.filter((seen) =>
      seen.method === "PUT" && seen.query.includes(digest.slice(7))
    );
    assertEquals(puts.length, 0);
    assertEquals(
      pair.destination.digestOf(`corp/app-${3 * ENOUGH}`, "v1"),
      pair.source.digestOf(`corp/app-${3 * ENOUGH}`, "v1"),
    );
  });
}

Deno.test("ahead: the next image begins while a tag that was written is looked at once more", async () => {
  await using pair = new Pair();
  const list = install(pair, 0, 3);
  for (const repository of ["corp/app-0", "corp/app-1"]) {
    const match = { method: "HEAD", kind: "manifest", repository } as const;
    // The look right before the tag is written, and the one after it.
    pair.destination.fault({ match, times: 1, action: { delayMs: 0 } });
    pair.destination.fault({ match, action: { stall: true } });
  }
  const flags = ["--timeout=4s", "--jobs=2"];
  const { code, stderr } = await pair.mirror(list.join("\n"), flags);
  assertEquals(code, 1);
  const told = stderr.split("\n").flatMap((line) => {
    const [, what, image] = /\] (Copying|Failed) .*app-(\d)/.exec(line) ?? [];
    return what === undefined ? [] : [`${what} ${image}`];
  });
  assertEquals(told.slice(0, 3).sort(), [0, 1, 2].map((i) => `Copying ${i}`));
  assertEquals(told.slice(3).sort(), ["Failed 0", "Failed 1"]);
  assertEquals(
    pair.destination.digestOf("corp/app-2", "v1"),
    pair.source.digestOf("corp/app-2", "v1"),
  );
});

Deno.test("ahead: with one job, each image ends before the next one begins", async () => {
  await using pair = new Pair();
  const list = install(pair, 0, 3);
  const { code, stderr } = await pair.mirror(list.join("\n"), ["--jobs=1"]);
  assertEquals(code, 0, stderr);
  const order = pair.destination.requests.map((seen) => seen.repository)
    .filter((repository) => repository !== "");
  assertEquals(order, order.toSorted());
});
