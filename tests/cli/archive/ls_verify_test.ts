import { assertEquals, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import {
  archive,
  filesOf,
  flip,
  IMAGES,
  LIST,
  listed,
  nameOf,
  saved,
  SBOM,
  SIGNATURE,
  withImages,
} from "./tools_support.ts";

const isValid = new Ajv2020({ allErrors: true, validateFormats: false })
  .compile(JSON.parse(
    await Deno.readTextFile(
      new URL("../../../docs/archive.schema.json", import.meta.url),
    ),
  ));

for (const name of ["a.tar", "directory"]) {
  Deno.test(`archive ls: every image of ${name}, with what is there of it`, async () => {
    await using carry = withImages();
    await saved(carry, name);
    const report = await listed(carry, name);
    assertEquals(isValid(report), true, JSON.stringify(isValid.errors));
    const { app, other, chart } = IMAGES;
    const held = [...app.manifests, ...SIGNATURE.manifests].filter((m) =>
      !JSON.stringify(notSaved()).includes(m.digest)
    );
    assertEquals(
      report.images.map((image: Record<string, unknown>) => [
        image["reference"],
        image["digest"],
        image["mediaType"],
        image["platforms"],
        image["absentChildren"],
        image["hasAttestations"],
        image["attachments"],
      ]),
      [
        [
          nameOf(carry, "app:v1"),
          app.digest,
          app.mediaType,
          [
            "linux/amd64",
            "linux/arm64",
          ],
          2,
          true,
          1,
        ],
        [
          nameOf(carry, "chart:v1"),
          chart.digest,
          chart.mediaType,
          [],
          0,
          false,
          0,
        ],
        [
          nameOf(carry, "other:v1"),
          other.digest,
          other.mediaType,
          [
            "linux/amd64",
          ],
          0,
          false,
          1,
        ],
      ],
    );
    assertEquals(held.length, 6);
    const chartSize = chart.bytes.byteLength +
      [...chart.blobs.values()].reduce((sum, b) => sum + b.byteLength, 0);
    assertEquals(report.images[1].size, chartSize);
    const files = await filesOf(carry, name);
    const blobs = [...files.keys()].filter((f) => f.startsWith("blobs/"));
    assertEquals(report.contents.count, blobs.length);
    assertEquals(report.refused, []);
  });
}

/** The digests of what the default platforms leave out. */
function notSaved(): string[] {
  const { manifests } = JSON.parse(
    new TextDecoder().decode(IMAGES.app.bytes),
  );
  return manifests.filter((m: { platform: { architecture: string } }) =>
    m.platform.architecture === "s390x"
  ).flatMap((m: { digest: string }) => [
    m.digest,
    ...manifests.filter((a: { annotations?: Record<string, string> }) =>
      a.annotations?.["vnd.docker.reference.digest"] === m.digest
    ).map((a: { digest: string }) => a.digest),
  ]);
}

Deno.test("archive ls: the list of images can be passed to --file, and the table is for people", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  const path = carry.path("a.tar");
  const names = ["app:v1", "chart:v1", "other:v1"].map((n) => nameOf(carry, n));
  const images = await archive(["ls", `-f=${path}`, "--image-only"]);
  assertEquals(images.stdout, names.map((n) => `${n}\n`).join(""));
  const { stdout, stderr } = await archive(["list", path]);
  const [head, first] = stdout.split("\n");
  assertEquals(head!.split(/ {2,}/), ["IMAGE", "PLATFORMS", "SIZE", "NOTES"]);
  assertEquals(first!.split(/ {2,}/).slice(0, 2), [
    names[0],
    "linux/amd64,linux/arm64",
  ]);
  assertStringIncludes(
    first!,
    "provenance, 1 attachment, 1 platform not saved",
  );
  assertStringIncludes(stderr, `${path}: 3 images`);
});

Deno.test("archive: what is wrong with the command line is told", async () => {
  for (
    const [args, text] of [
      [["ls"], "ARCHIVE is missing"],
      [["verify"], "ARCHIVE is missing"],
      [["ls", "a", "-f=b"], "two archives"],
      [["ls", "a", "--json", "--image-only"], "two outputs"],
      [["merge", "-f=a", "-f=b"], "--output"],
      [["export", "-f=a", "-s=b"], "--destination"],
    ] as const
  ) {
    const { code, stderr } = await archive([...args]);
    assertEquals([code, stderr.includes(text)], [2, true], stderr);
  }
});

for (const name of ["a.tar", "directory"]) {
  Deno.test(`archive verify: ${name} is whole`, async () => {
    await using carry = withImages();
    await saved(carry, name);
    const { code, stdout, stderr } = await archive([
      "verify",
      carry.path(name),
    ]);
    assertEquals([code, stdout], [0, ""], stderr);
    assertStringIncludes(stderr, "[INFO] PASS: ");
    assertStringIncludes(
      stderr,
      "0 damaged or missing, 0 of 6 entries affected",
    );
  });
}

Deno.test("archive verify: a damaged layer is named with all images that it affects, and no others", async () => {
  await using carry = withImages();
  await saved(carry, "d");
  const [base = ""] = IMAGES.other.blobs.keys();
  await flip(carry, "d", base);
  const { code, stderr } = await archive(["verify", carry.path("d")]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(
    stderr,
    `damaged: ${base} of 30000 bytes: content has digest`,
  );
  assertStringIncludes(
    stderr,
    `it affects ${nameOf(carry, "app:v1")}, ${nameOf(carry, "other:v1")}\n`,
  );
  assertStringIncludes(stderr, "1 damaged or missing, 2 of 6 entries affected");
});

Deno.test("archive verify: lost content, a lost platform, a damaged manifest, and content that no image needs", async () => {
  await using carry = withImages();
  await saved(carry, "d");
  const remove = (digest: string) =>
    Deno.remove(carry.path(`d/blobs/${digest.replace(":", "/")}`));
  const { app, other, chart } = IMAGES;
  const [amd64] = JSON.parse(new TextDecoder().decode(app.bytes)).manifests;
  const [, lost = ""] = other.blobs.keys();
  await remove(amd64.digest);
  await remove(lost);
  await flip(carry, "d", chart.digest);
  const stray = "0".repeat(64);
  await Deno.writeTextFile(carry.path(`d/blobs/sha256/${stray}`), "stray");
  const { code, stderr } = await archive(["verify", carry.path("d")]);
  assertEquals(code, 1, stderr);
  for (
    const text of [
      `missing: manifest ${amd64.digest} of ${amd64.size} bytes; it affects ${
        nameOf(carry, "app:v1")
      }\n`,
      `missing: blob ${lost} of 900 bytes; it affects ${
        nameOf(carry, "other:v1")
      }\n`,
      `damaged: ${chart.digest} of ${chart.bytes.byteLength} bytes: `,
      `damaged: sha256:${stray} of 5 bytes: `,
      "; no image needs it",
      "4 damaged or missing, 3 of 6 entries affected",
    ]
  ) assertStringIncludes(stderr, text);
});

Deno.test("archive ls: content of another size shows without hashing", async () => {
  await using carry = withImages();
  await saved(carry, "d");
  const [, layer = ""] = IMAGES.other.blobs.keys();
  await Deno.truncate(carry.path(`d/blobs/${layer.replace(":", "/")}`), 899);
  const { images } = await listed(carry, "d");
  assertEquals(images.map((i: { faults: string[] }) => i.faults), [[], [], [
    `damaged: blob ${layer} has 899 bytes of its 900`,
  ]]);
  const { stdout } = await archive(["ls", carry.path("d")]);
  assertStringIncludes(stdout.split("\n")[3]!, "DAMAGED");
});

Deno.test("archive verify: a tar that was cut off, one that is compressed, and no archive at all", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  const bytes = await Deno.readFile(carry.path("a.tar"));
  await Deno.writeFile(carry.path("cut.tar"), bytes.subarray(0, 20_000));
  await Deno.writeTextFile(carry.path("text.tar"), LIST);
  for (const name of ["cut.tar", "text.tar", "none.tar"]) {
    const { code, stderr } = await archive(["verify", carry.path(name)]);
    assertEquals(code === 1 || code === 2, true, stderr);
    assertStringIncludes(stderr, carry.path(name));
  }
});

Deno.test("archive verify: Ctrl-C ends it", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  const { code, stderr } = await archive(["verify", carry.path("a.tar")], {
    onStart: (interrupt) => interrupt(),
  });
  assertEquals(code, 130, stderr);
});

Deno.test("archive ls: signatures and referrers count among the size of their image", async () => {
  await using carry = withImages();
  await saved(carry, "with.tar");
  await saved(carry, "without.tar", LIST, ["--remove-signatures"]);
  const sizeOf = async (name: string) =>
    (await listed(carry, name)).images[2].size;
  const { other } = IMAGES;
  const own = other.bytes.byteLength +
    [...other.blobs.values()].reduce((sum, b) => sum + b.byteLength, 0);
  assertEquals(await sizeOf("without.tar"), own);
  const sbom = SBOM.bytes.byteLength +
    [...SBOM.blobs.values()].reduce((sum, b) => sum + b.byteLength, 0);
  const more = await sizeOf("with.tar") - own;
  // The list of referrers comes with it.
  assertEquals(more > sbom && more < sbom + 1000, true, `${more}`);
});

Deno.test("archive: a file that is none is told so, and a compressed one by what it is", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  const tar = await Deno.readFile(carry.path("a.tar"));
  const gzip = new Response(
    new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip")),
  );
  await Deno.writeFile(carry.path("a.tar.gz"), await gzip.bytes());
  await Deno.writeTextFile(carry.path("list.txt"), "corp/app:v1\n");
  await Deno.writeTextFile(carry.path("receipt.json"), '{"kind":"receipt"}');
  const [first = 0] = tar;
  tar[0] = first ^ 1;
  await Deno.writeFile(carry.path("broken.tar"), tar);
  for (
    const [name, wanted] of [
      ["a.tar.gz", "is compressed; decompress it first"],
      ["list.txt", "is no archive, or its beginning is damaged; hangar reads"],
      ["receipt.json", "is no archive, or its beginning is damaged"],
      ["broken.tar", "is no archive, or its beginning is damaged"],
    ] as const
  ) {
    for (const command of ["ls", "verify"]) {
      const { code, stderr } = await archive([command, carry.path(name)]);
      assertEquals(code, 1, name);
      assertStringIncludes(stderr, `${carry.path(name)} ${wanted}`);
    }
  }
});
