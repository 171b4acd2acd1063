import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  goFiles,
  goIndex,
  type GoSaved,
  goZip,
} from "../../support/archives/go_zip.ts";
import { writeZip } from "../../support/archives/zip.ts";
import {
  type MadeImage,
  makeArtifact,
  makeImage,
  makeMultiArch,
  randomBytes,
} from "../../support/images.ts";
import { archive, filesOf, listed } from "./tools_support.ts";
import { Carry } from "./support.ts";

const base = randomBytes(20_000, "base");
const IMAGES: Record<string, MadeImage> = {
  app: makeMultiArch("app", { attestations: true, layers: [base, 800] }),
  list: makeMultiArch("list", { docker: true, layers: [base, 600] }),
  single: makeImage({ seed: "single", layers: [base, 500] }),
  chart: makeArtifact("chart"),
};
const ITEMS: GoSaved[] = Object.entries(IMAGES).map(([name, image]) => ({
  source: `docker.io/corp/${name}`,
  tag: "v1",
  image,
}));

async function withZip(bytes = goZip(ITEMS)): Promise<Carry> {
  const carry = new Carry();
  await Deno.writeFile(carry.path("go.zip"), bytes);
  return carry;
}

/** The digests that an index names, in its order. */
function entriesOf(image: MadeImage): string[] {
  const json = JSON.parse(new TextDecoder().decode(image.bytes));
  return json.manifests.map(({ digest }: { digest: string }) => digest);
}

Deno.test("load: an archive of Go hangar puts every image where mirror would put it", async () => {
  await using carry = await withZip();
  const { code, stderr } = await carry.load("go.zip");
  assertEquals(code, 0, stderr);
  const { destination } = carry;
  for (const name of ["app", "list"]) {
    assertEquals(
      destination.entries(`corp/${name}`, "v1"),
      entriesOf(IMAGES[name]!),
    );
  }
  for (const name of ["single", "chart"]) {
    assertEquals(
      destination.digestOf(`corp/${name}`, "v1"),
      IMAGES[name]!.digest,
    );
  }
  assertEquals(
    destination.manifest("corp/list", "v1")!.mediaType,
    "application/vnd.docker.distribution.manifest.list.v2+json",
  );
  const again = await carry.load("go.zip");
  assertStringIncludes(again.stderr, "Done: 0 copied, 4 up to date");
});

Deno.test("load: of a list, a project, and one platform", async () => {
  await using carry = await withZip();
  const { destination } = carry;
  const { code, stderr } = await carry.load("go.zip", [
    "-f-",
    "--project=mine",
    "--arch=arm64",
  ], { stdin: "corp/app:v1\n" });
  assertEquals(code, 0, stderr);
  const [, arm64, , ofArm64] = entriesOf(IMAGES["app"]!);
  assertEquals(destination.entries("mine/app", "v1"), [arm64, ofArm64]);
  assertEquals(destination.digestOf("corp/list", "v1"), undefined);
});

Deno.test("load validate: what was loaded passes", async () => {
  await using carry = await withZip();
  assertEquals((await carry.load("go.zip")).code, 0);
  const { hangar } = await import("../../support/hangar.ts");
  const { code, stderr } = await hangar([
    "load",
    "validate",
    `-s=${carry.path("go.zip")}`,
    `-d=http://${carry.destination.host}`,
    `--failed=${carry.path("failed.txt")}`,
    "--deep=bytes",
  ]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "Done: 4 passed");
});

Deno.test("archive ls and verify: an archive of Go hangar", async () => {
  await using carry = await withZip();
  const { images, refused, contents } = await listed(carry, "go.zip");
  assertEquals(
    images.map((image: Record<string, unknown>) => [
      image["reference"],
      image["platforms"],
      image["faults"],
    ]),
    [
      ["docker.io/corp/app:v1", ["linux/amd64", "linux/arm64"], []],
      ["docker.io/corp/chart:v1", [], []],
      ["docker.io/corp/list:v1", ["linux/amd64", "linux/arm64"], []],
      ["docker.io/corp/single:v1", ["linux/amd64"], []],
    ],
  );
  assertEquals(refused, []);
  const files = goFiles(ITEMS).filter(({ name }) => name.startsWith("share/"));
  // The two indexes are made.
  assertEquals(contents.count, files.length + 2);
  const { code, stderr } = await archive(["verify", carry.path("go.zip")]);
  assertEquals(code, 0, stderr);
});

Deno.test("archive export and merge: from Go hangar's zip to what every tool reads", async () => {
  await using carry = await withZip();
  const out = carry.path("all");
  const merge = await archive([
    "merge",
    `-f=${carry.path("go.zip")}`,
    `-o=${out}`,
  ]);
  assertEquals(merge.code, 0, merge.stderr);
  const { code, stderr } = await archive([
    "export",
    "-f-",
    `-s=${carry.path("go.zip")}`,
    `-d=${carry.path("part.tar")}`,
    `--failed=${carry.path("failed.txt")}`,
  ], { stdin: "corp/app:v1\ncorp/chart:v1" });
  assertEquals(code, 0, stderr);
  const part = await listed(carry, "part.tar");
  assertEquals(
    part.images.map((i: { reference: string }) => i.reference),
    ["docker.io/corp/app:v1", "docker.io/corp/chart:v1"],
  );
  const all = await filesOf(carry, "all");
  for (const file of (await filesOf(carry, "part.tar")).keys()) {
    if (file.startsWith("blobs/")) assertEquals(all.has(file), true, file);
  }
  const loaded = await carry.load("all");
  assertEquals(loaded.code, 0, loaded.stderr);
  assertEquals(
    carry.destination.entries("corp/app", "v1"),
    entriesOf(IMAGES["app"]!),
  );
});

Deno.test("load: a damaged blob of Go hangar's zip fails its images and no others, and verify names it", async () => {
  const [layer = ""] = IMAGES["chart"]!.blobs.keys();
  const files = goFiles(ITEMS).map((file) =>
    file.name === `share/${layer.replace(":", "/")}`
      ? { ...file, bytes: file.bytes.map((byte) => byte ^ 1) }
      : file
  );
  await using carry = await withZip(writeZip(files));
  const { code, stderr } = await carry.load("go.zip");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "3 copied");
  assertEquals(carry.destination.digestOf("corp/chart", "v1"), undefined);
  const failed = await Deno.readTextFile(carry.path("load-failed.txt"));
  assertStringIncludes(failed, "\ndocker.io/corp/chart:v1\n");
  const verify = await archive(["verify", carry.path("go.zip")]);
  assertEquals(verify.code, 1);
  assertStringIncludes(verify.stderr, `damaged: ${layer} of `);
  assertStringIncludes(verify.stderr, "it affects docker.io/corp/chart:v1\n");
});

Deno.test("load: what Go hangar's zip lists and nobody can load is told, and fails", async () => {
  const index = goIndex(ITEMS);
  // deno-lint-ignore no-explicit-any
  (index["list"] as any[])[3].images[0].digest = "sha256:../../x";
  await using carry = await withZip(writeZip(goFiles(ITEMS, index)));
  const { code, stderr } = await carry.load("go.zip");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "docker.io/corp/chart:v1: ");
  assertStringIncludes(stderr, "3 copied");
  const verify = await archive(["verify", carry.path("go.zip")]);
  assertEquals(verify.code, 1);
  assertStringIncludes(verify.stderr, "docker.io/corp/chart:v1 cannot be load");
  assertEquals((await listed(carry, "go.zip")).refused.length, 1);
});

Deno.test("sync: Go hangar's zip is only read, and what to do instead is told", async () => {
  await using carry = await withZip();
  const before = await Deno.readFile(carry.path("go.zip"));
  const { code, stderr } = await carry.sync("corp/app:v1", "go.zip");
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, "is a zip of Go hangar, which is only read");
  assertStringIncludes(stderr, "hangar archive merge");
  assertEquals(await Deno.readFile(carry.path("go.zip")), before);
});

Deno.test("save --since: Go hangar's zip is a base like any other", async () => {
  await using carry = await withZip();
  const app = IMAGES["app"]!;
  carry.source.install("corp/app", "v1", app);
  const saved = await carry.save("corp/app:v1", "delta.tar", [
    `--since=${carry.path("go.zip")}`,
  ]);
  assertEquals(saved.code, 0, saved.stderr);
  const { images, bases } = await listed(carry, "delta.tar");
  assertEquals(bases.length, 1);
  assertEquals(images[0].leftOut.blobs > 0, true);
  assertEquals((await carry.load("go.zip")).code, 0);
  const { code, stderr } = await carry.load("delta.tar");
  assertEquals(code, 0, stderr);
  assertEquals(carry.destination.digestOf("corp/app", "v1"), app.digest);
});
