import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  makeImage,
  makeIndex,
  makeMultiArch,
  randomBytes,
} from "../../support/images.ts";
import {
  archive,
  filesOf,
  flip,
  IMAGES,
  LIST,
  listed,
  nameOf,
  saved,
  withImages,
} from "./tools_support.ts";
import type { Carry } from "./support.ts";

function exported(
  carry: Carry,
  from: string,
  to: string,
  list: string,
  flags: readonly string[] = [],
) {
  return archive([
    "export",
    "-f-",
    `-s=${carry.path(from)}`,
    `-d=${carry.path(to)}`,
    `--source-registry=${carry.source.host}`,
    `--failed=${carry.path("export-failed.txt")}`,
    ...flags,
  ], { stdin: list });
}

function merged(carry: Carry, to: string, ...from: string[]) {
  return archive([
    "merge",
    ...from.map((name) => `-f=${carry.path(name)}`),
    `-o=${carry.path(to)}`,
  ]);
}

for (
  const [from, to] of [["a.tar", "b.tar"], ["a.tar", "b"], [
    "a",
    "b.tar",
  ]] as const
) {
  Deno.test(`archive export: ${from} to ${to} gives what saving the part would have given`, async () => {
    await using carry = withImages();
    await saved(carry, from);
    const part = "corp/app:v1\ncorp/chart:v1\n";
    const { code, stderr } = await exported(carry, from, to, part);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, `Copied [${nameOf(carry, "app:v1")}]`);
    assertStringIncludes(stderr, "Done: 2 images copied, 0 failed");
    await saved(carry, "want", part);
    assertEquals(await filesOf(carry, to), await filesOf(carry, "want"));
    assertEquals((await archive(["verify", carry.path(to)])).code, 0);
  });
}

Deno.test("archive export: lines choose tags, pin digests, and fail where the archive has nothing", async () => {
  await using carry = withImages();
  const { source } = carry;
  source.install("corp/app", "v2", makeMultiArch("v2"));
  await saved(carry, "a.tar", `${LIST}corp/app:v2\n`);
  const pinned = `corp/other:v1@${IMAGES.other.digest}`;
  const list = `corp/app:v*\n${pinned}\ncorp/none:v1\nnot a list line at all\n`;
  const { code, stderr } = await exported(carry, "a.tar", "b.tar", list);
  assertEquals(code, 1, stderr);
  assertEquals(
    (await listed(carry, "b.tar")).images.map((i: { reference: string }) =>
      i.reference
    ),
    ["app:v1", "app:v2", "other:v1"].map((name) => nameOf(carry, name)),
  );
  assertStringIncludes(
    stderr,
    `${nameOf(carry, "none:v1")} is not in the arch`,
  );
  const failed = await Deno.readTextFile(carry.path("export-failed.txt"));
  assertEquals(
    failed.split("\n").filter((line) => line && !line.startsWith("#")),
    ["corp/none:v1", "not a list line at all"],
  );
});

Deno.test("archive export: content that is missing fails its images and no others", async () => {
  await using carry = withImages();
  await saved(carry, "d");
  const [, lost = ""] = IMAGES.other.blobs.keys();
  await Deno.remove(carry.path(`d/blobs/${lost.replace(":", "/")}`));
  const { code, stderr } = await exported(carry, "d", "b", LIST);
  assertEquals(code, 1, stderr);
  assertStringIncludes(
    stderr,
    `Failed [${nameOf(carry, "other:v1")}]: missing: blob ${lost} of 900 bytes`,
  );
  await saved(carry, "want", "corp/app:v1\ncorp/chart:v1\n");
  assertEquals(await filesOf(carry, "b"), await filesOf(carry, "want"));
});

Deno.test("archive export: a digest that a tag does not have finds nothing", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  const wrong = `corp/other:v1@${IMAGES.chart.digest}`;
  const { code, stderr } = await exported(carry, "a.tar", "b.tar", wrong);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "is not in the archive");
});

Deno.test("archive export: what images share is written once", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  const { code, stderr } = await exported(carry, "a.tar", "b.tar", LIST);
  assertEquals(code, 0, stderr);
  const [a, b] = ["a.tar", "b.tar"].map((name) =>
    Deno.statSync(carry.path(name)).size
  );
  assertEquals(b, a);
});

Deno.test("archive export: signatures and referrers can be left out", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  const without = ["--remove-signatures"];
  const { code, stderr } = await exported(carry, "a.tar", "b", LIST, without);
  assertEquals(code, 0, stderr);
  await saved(carry, "want", LIST, without);
  assertEquals(await filesOf(carry, "b"), await filesOf(carry, "want"));
});

Deno.test("archive export: a damaged blob fails its images and no others", async () => {
  await using carry = withImages();
  await saved(carry, "d");
  const [, , own = ""] = [...IMAGES.app.blobs.keys()];
  await flip(carry, "d", own);
  const { code, stderr } = await exported(carry, "d", "b.tar", LIST);
  assertEquals(code, 1, stderr);
  assertStringIncludes(
    stderr,
    `Failed [${nameOf(carry, "app:v1")}]: ${own} is damaged in ${
      carry.path("d")
    }`,
  );
  assertStringIncludes(
    await Deno.readTextFile(carry.path("export-failed.txt")),
    "\ncorp/app:v1\n",
  );
  await saved(carry, "want", "corp/other:v1\ncorp/chart:v1\n");
  assertEquals(await filesOf(carry, "b.tar"), await filesOf(carry, "want"));
});

Deno.test("archive export: nothing is written over an archive without -y, nor over the one that is read", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar");
  await saved(carry, "b.tar", "corp/chart:v1");
  const before = await Deno.readFile(carry.path("b.tar"));
  const refused = await exported(carry, "a.tar", "b.tar", LIST);
  assertEquals([refused.code, await Deno.readFile(carry.path("b.tar"))], [
    2,
    before,
  ], refused.stderr);
  const same = await exported(carry, "a.tar", "a.tar", LIST, ["-y"]);
  assertEquals(same.code, 2);
  assertStringIncludes(same.stderr, "it is the archive that is read");
  const { code, stderr } = await exported(carry, "a.tar", "b.tar", LIST, [
    "-y",
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(await filesOf(carry, "b.tar"), await filesOf(carry, "a.tar"));
});

Deno.test("archive export: nothing found makes no archive", async () => {
  await using carry = withImages();
  await saved(carry, "a.tar", "corp/chart:v1");
  const { code, stderr } = await exported(carry, "a.tar", "b.tar", "corp/x:v1");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "was not made");
  assertEquals(
    [...Deno.readDirSync(carry.directory)].map((e) => e.name).sort(),
    [
      "a.tar",
      "export-failed.txt",
    ],
  );
});

Deno.test("archive merge: parts give what saving all at once would have given", async () => {
  await using carry = withImages();
  await saved(carry, "1.tar", "corp/app:v1");
  await saved(carry, "2", "corp/other:v1");
  await saved(carry, "3.tar", "corp/chart:v1\ncorp/other:v1");
  const { code, stderr } = await merged(
    carry,
    "all.tar",
    "1.tar",
    "2",
    "3.tar",
  );
  assertEquals(code, 0, stderr);
  await saved(carry, "want", LIST);
  assertEquals(await filesOf(carry, "all.tar"), await filesOf(carry, "want"));
});

Deno.test("archive merge: of one tag, the last archive's state counts, and what only the old one needed is left behind", async () => {
  await using carry = withImages();
  await saved(carry, "old.tar");
  carry.source.install("corp/app", "v1", makeMultiArch("new"));
  await saved(carry, "new.tar", "corp/app:v1");
  const { code, stderr } = await merged(carry, "all", "old.tar", "new.tar");
  assertEquals(code, 0, stderr);
  await saved(carry, "want", LIST);
  assertEquals(await filesOf(carry, "all"), await filesOf(carry, "want"));
});

Deno.test("archive merge: platforms that were saved apart come together", async () => {
  await using carry = withImages();
  const flags = (arch: string) => [`--arch=${arch}`];
  await saved(carry, "amd64.tar", "corp/app:v1", flags("amd64"));
  await saved(carry, "arm64.tar", "corp/app:v1", flags("arm64"));
  await saved(carry, "s390x.tar", "corp/app:v1", flags("s390x"));
  const two = await merged(carry, "two.tar", "arm64.tar", "amd64.tar");
  assertEquals(two.code, 0, two.stderr);
  await saved(carry, "want2", "corp/app:v1", flags("amd64,arm64"));
  assertEquals(await filesOf(carry, "two.tar"), await filesOf(carry, "want2"));
  const all = await merged(carry, "all.tar", "two.tar", "s390x.tar");
  assertEquals(all.code, 0, all.stderr);
  await saved(carry, "want3", "corp/app:v1", flags("all"));
  assertEquals(await filesOf(carry, "all.tar"), await filesOf(carry, "want3"));
});

Deno.test("archive merge: content that is damaged in one archive is taken from another", async () => {
  await using carry = withImages();
  await saved(carry, "a");
  await saved(carry, "b");
  const [first = "", second = ""] = IMAGES.other.blobs.keys();
  await flip(carry, "a", first);
  await flip(carry, "b", second);
  const { code, stderr } = await merged(carry, "all", "a", "b");
  assertEquals(code, 0, stderr);
  await saved(carry, "want");
  assertEquals(await filesOf(carry, "all"), await filesOf(carry, "want"));
});

Deno.test("archive merge: a tag without a repository must not mean two images", async () => {
  await using carry = withImages();
  for (const [name, image] of ["app", "other"].entries()) {
    await saved(carry, `${name}`, `corp/${image}:v1`, [
      "--remove-signatures",
      "--arch=all",
    ]);
    const path = carry.path(`${name}/index.json`);
    const index = JSON.parse(await Deno.readTextFile(path));
    // As skopeo writes it.
    index.manifests[0].annotations = {
      "org.opencontainers.image.ref.name": "v1",
    };
    await Deno.writeTextFile(path, JSON.stringify(index));
  }
  const { code, stderr } = await merged(carry, "all", "0", "1");
  assertEquals(code, 1, stderr);
  assertStringIncludes(
    stderr,
    `v1 is without a repository, and is ${IMAGES.other.digest} in ${
      carry.path("1")
    } but ${IMAGES.app.digest} in an archive before it`,
  );
  const one = await merged(carry, "all", "0", "0");
  assertEquals(one.code, 0, one.stderr);
  const { images } = await listed(carry, "all");
  assertEquals(images.map((i: { reference: string }) => i.reference), ["v1"]);
});

Deno.test("archive merge: Ctrl-C leaves no archive, and the same command goes on", async () => {
  await using carry = withImages();
  const layers = Array.from(
    { length: 8 },
    (_, i) => randomBytes(400_000, `layer ${i}`),
  );
  carry.source.install(
    "corp/large",
    "v1",
    makeIndex([makeImage({ seed: "large", layers })]),
  );
  await saved(carry, "a.tar", "corp/large:v1");
  await saved(carry, "b.tar", "corp/chart:v1");
  const words = [
    "merge",
    `-f=${carry.path("a.tar")},${carry.path("b.tar")}`,
    `-o=${carry.path("all.tar")}`,
  ];
  let interrupt = () => {};
  const stopped = await archive(words, {
    onStart: (now) => interrupt = now,
    onStderr: (text) => {
      if (text.includes("are copied")) interrupt();
    },
  });
  assertEquals(stopped.code, 130, stopped.stderr);
  assertStringIncludes(stopped.stderr, "run the same command again");
  const there = () => [...Deno.readDirSync(carry.directory)].map((e) => e.name);
  assertEquals(there().includes("all.tar"), false);
  const { code, stderr } = await archive(words);
  assertEquals(code, 0, stderr);
  assertEquals(there().includes("all.tar.partial"), false);
  await saved(carry, "want", "corp/large:v1\ncorp/chart:v1");
  assertEquals(await filesOf(carry, "all.tar"), await filesOf(carry, "want"));
});
