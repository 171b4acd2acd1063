import { assertEquals, assertRejects } from "@std/assert";
import { HangarError } from "../../../src/errors.ts";
import { GoArchive } from "../../../src/layout/go_archive/go_archive.ts";
import { parseDigest } from "../../../src/oci/digest.ts";
import {
  goFiles,
  goIndex,
  type GoSaved,
  goZip,
} from "../../support/archives/go_zip.ts";
import { OpenBytes, readAll } from "../../support/archives/random_access.ts";
import { writeZip } from "../../support/archives/zip.ts";
import {
  type MadeImage,
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiArch,
  randomBytes,
  sha256,
} from "../../support/images.ts";

function open(bytes: Uint8Array): Promise<GoArchive> {
  return GoArchive.open(new OpenBytes(bytes), "saved.zip");
}

function saved(name: string, image: MadeImage, arch?: string[]): GoSaved {
  return { source: `docker.io/corp/${name}`, tag: "v1", image, arch };
}

async function contentOf(
  archive: GoArchive,
  digest: string,
  offset = 0,
): Promise<Uint8Array> {
  const known = parseDigest(digest);
  return await readAll(await archive.open({ digest: known, size: 0 }, offset));
}

/** What the index that stands for an image says, as JSON. */
async function topOf(archive: GoArchive, name: string) {
  const image = archive.images.find((i) => i.name === name)!;
  const bytes = await contentOf(archive, image.top.digest);
  assertEquals(sha256(bytes), image.top.digest);
  assertEquals(bytes.byteLength, image.top.size);
  const json = JSON.parse(new TextDecoder().decode(bytes));
  assertEquals(json.mediaType, image.top.mediaType);
  return json;
}

Deno.test("an index is made of the platforms saved, with all that their entries said", async () => {
  const image = makeMultiArch("app", {
    attestations: true,
    platforms: ["linux/amd64", "linux/arm64", "linux/arm/v7"],
  });
  await using archive = await open(
    goZip([saved("app", image, ["amd64", "arm"])]),
  );
  assertEquals(archive.refused, []);
  const { name } = archive.images[0]!;
  assertEquals(name, "docker.io/corp/app:v1");
  const source = JSON.parse(new TextDecoder().decode(image.bytes));
  const [amd64, , arm, ofAmd64, , ofArm] = source.manifests;
  assertEquals(await topOf(archive, name), {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [amd64, arm, ofAmd64, ofArm],
  });
});

Deno.test("equal archives give equal bytes", async () => {
  const items = [saved("app", makeMultiArch("app"))];
  await using one = await open(goZip(items));
  await using two = await open(goZip(items, { zip64: true }));
  assertEquals(one.images, two.images);
});

Deno.test("a list of Docker's stays one, and a mixed one is an OCI index", async () => {
  const docker = makeMultiArch("docker", { docker: true });
  const mixed = makeIndex([
    makeImage({ seed: "a", docker: true }),
    makeImage({ seed: "b", platform: "linux/arm64" }),
  ], { docker: true });
  await using archive = await open(
    goZip([saved("docker", docker), saved("mixed", mixed)]),
  );
  assertEquals(
    (await topOf(archive, "docker.io/corp/docker:v1")).mediaType,
    "application/vnd.docker.distribution.manifest.list.v2+json",
  );
  assertEquals(
    (await topOf(archive, "docker.io/corp/mixed:v1")).mediaType,
    "application/vnd.oci.image.index.v1+json",
  );
});

Deno.test("a single manifest stays itself: images, Docker's, charts", async () => {
  const images = {
    oci: makeImage({ seed: "single" }),
    docker: makeImage({ seed: "single", docker: true }),
    chart: makeArtifact("chart"),
  };
  const items = Object.entries(images).map(([name, image]) =>
    saved(name, image)
  );
  await using archive = await open(goZip(items));
  assertEquals(
    archive.images.map(({ name, top }) => [name, top.mediaType, top.digest]),
    Object.entries(images).map(([name, { mediaType, digest }]) => [
      `docker.io/corp/${name}:v1`,
      mediaType,
      digest,
    ]),
  );
  assertEquals(archive.images[2]!.top.platform, undefined);
  assertEquals(archive.images[0]!.top.platform?.architecture, "amd64");
});

Deno.test("what was saved twice under a name is one image: later platforms replace earlier ones", async () => {
  const old = makeMultiArch("old", {
    attestations: true,
    platforms: ["linux/amd64", "linux/arm64"],
  });
  const recent = makeMultiArch("recent", {
    attestations: true,
    platforms: ["linux/arm64", "linux/s390x"],
  });
  const chart = [makeArtifact("1"), makeArtifact("2")] as const;
  await using archive = await open(goZip([
    saved("app", old),
    ...chart.map((image) => saved("chart", image)),
    saved("app", recent),
  ]));
  assertEquals(archive.images.map(({ name }) => name), [
    "docker.io/corp/app:v1",
    "docker.io/corp/chart:v1",
  ]);
  const entries = (image: MadeImage) =>
    JSON.parse(new TextDecoder().decode(image.bytes)).manifests;
  const [amd64, , ofAmd64] = entries(old);
  const { manifests } = await topOf(archive, "docker.io/corp/app:v1");
  assertEquals(manifests, [amd64, ofAmd64, ...entries(recent)]);
  assertEquals(archive.images[1]!.top.digest, chart[1].digest);
});

Deno.test("content is read from any offset, its size is known, and nothing is read before it is asked for", async () => {
  const layer = randomBytes(700_000, "layer");
  const image = makeImage({ seed: "app", layers: [layer] });
  const file = new OpenBytes(goZip([saved("app", image)]));
  {
    await using archive = await GoArchive.open(file, "saved.zip");
    assertEquals(file.bytesRead < 400_000, true, `${file.bytesRead}`);
    const digest = parseDigest(sha256(layer));
    assertEquals(await archive.sizeOf(digest), layer.byteLength);
    for (const offset of [0, 1, 262_144, 500_001, 700_000]) {
      const bytes = await contentOf(archive, digest, offset);
      assertEquals(sha256(bytes), sha256(layer.subarray(offset)));
    }
    const reader = await archive.open({ digest, size: 0 }, 0);
    assertEquals((await reader.read())!.byteLength > 0, true);
    await reader.cancel();
    assertEquals(await reader.read(), undefined);
    const absent = parseDigest(sha256(new Uint8Array(1)));
    assertEquals(await archive.sizeOf(absent), undefined);
    await assertRejects(
      () => archive.open({ digest: absent, size: 0 }, 0),
      HangarError,
      "is not in it",
    );
  }
  assertEquals(file.isClosed, true);
});

Deno.test("it reads as a layout: index.json names the images in both ways", async () => {
  const app = makeMultiArch("app");
  await using archive = await open(goZip([saved("app", app)]));
  const read = async (path: string) => await archive.readFile(path, 1 << 20);
  const index = JSON.parse(
    new TextDecoder().decode(await read("index.json")),
  );
  const name = "docker.io/corp/app:v1";
  const { json } = archive.images[0]!.top;
  assertEquals(index, {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      ...json,
      annotations: {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name,
      },
    }],
  });
  assertEquals(await read("share/x"), undefined);
  await assertRejects(
    () => archive.readFile("index.json", 10),
    HangarError,
    "the limit is 10",
  );
  const held: string[] = [];
  for await (const { digest } of archive.contents()) held.push(digest);
  assertEquals(
    new Set(held),
    new Set([
      ...app.manifests.slice(0, -1).map(({ digest }) => digest),
      ...app.blobs.keys(),
      archive.images[0]!.top.digest,
    ]),
  );
});

Deno.test("one image that cannot be understood does not spoil the others", async () => {
  const items = ["good", "tag", "digest", "type", "gone", "name"].map((name) =>
    saved(name, makeImage({ seed: name }))
  );
  const index = goIndex(items);
  // deno-lint-ignore no-explicit-any
  const list = index["list"] as any[];
  list[1].tag = "../../etc/passwd";
  list[2].images[0].digest = "sha256:../../../etc/passwd";
  list[3].images[0].mediaType = "application/vnd.oci.image.index.v1+json";
  list[5].source = "docker.io/corp/../../name";
  const gone = items[4]!.image.digest;
  const files = goFiles(items, index).filter(({ name }) =>
    name !== `share/${gone.replace(":", "/")}`
  );
  await using archive = await open(writeZip(files));
  assertEquals(archive.images.map(({ name }) => name), [
    "docker.io/corp/good:v1",
  ]);
  assertEquals(
    archive.refused.map(({ name, error }) => [name, error.code]),
    [
      ["list[1]", "invalid-reference"],
      ["docker.io/corp/digest:v1", "invalid-manifest"],
      ["docker.io/corp/type:v1", "invalid-manifest"],
      ["list[5]", "invalid-reference"],
      ["docker.io/corp/gone:v1", "not-found"],
    ],
  );
});

Deno.test("what is no archive of Go hangar, or not a whole one, is told, and closed", async () => {
  const items = [saved("app", makeImage({ seed: "app" }))];
  const whole = goZip(items);
  const files = goFiles(items);
  const withIndex = (json: unknown) =>
    writeZip(goFiles(items, json as Record<string, unknown>));
  const cases: [string, Uint8Array, string][] = [
    ["empty", new Uint8Array(0), "not a whole zip file"],
    ["cut off", whole.subarray(0, whole.byteLength - 30), "not a whole zip"],
    ["no index", writeZip(files.slice(0, -1)), "it holds no index.json"],
    [
      "two indexes",
      writeZip([...files, ...files.slice(-1)]),
      "two files index.json",
    ],
    ["old", withIndex({ ...goIndex(items), version: "v1.1.0" }), '"v1.1.0"'],
    ["new", withIndex({ ...goIndex(items), version: "v2.3.0" }), '"v2.3.0"'],
    ["no version", withIndex({ list: [] }), "of the version"],
    ["no list", withIndex({ list: {}, version: "v1.2.0" }), "list in its"],
    [
      "two readings",
      withIndex({ version: "v1.2.0", List: [] }),
      '"List" is list in other letters',
    ],
    [
      "no JSON",
      writeZip([{ name: "index.json", bytes: new Uint8Array([1]) }]),
      "is not JSON",
    ],
    [
      "large",
      writeZip([{
        name: "index.json",
        bytes: new Uint8Array(1),
        deflate: true,
        claimedSize: 65 * 1024 * 1024,
      }]),
      "the limit is 67108864",
    ],
  ];
  for (const [what, bytes, text] of cases) {
    const file = new OpenBytes(bytes);
    const error = await assertRejects(
      () => GoArchive.open(file, "saved.zip"),
      HangarError,
      "cannot read the archive saved.zip",
    );
    assertEquals(error.message.includes(text), true, `${what}: ${error}`);
    assertEquals(file.isClosed, true, what);
  }
  await using newer = await open(
    withIndex({ ...goIndex(items), version: "v1.9.0" }),
  );
  assertEquals(newer.images.length, 1);
});
