import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { makeMultiArch } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const ALL = ["linux/amd64", "linux/arm64", "linux/s390x"];

/** A pair whose source has one image. */
function pairWithApp() {
  const pair = new Pair();
  const app = makeMultiArch("app", { platforms: ALL });
  pair.source.install("corp/app", "v1", app);
  const { source, destination } = pair;
  const copy = (from: string, to: string, ...flags: string[]) =>
    hangar([
      "copy",
      `${source.host}/${from}`,
      `${destination.host}/${to}`,
      ...flags,
    ]);
  return { pair, app, copy };
}

Deno.test("copy: the tag is the source's, unless the destination has one", async () => {
  const { pair, app, copy } = pairWithApp();
  await using _ = pair;
  const first = await copy("corp/app:v1", "app", "--platform=all");
  assertEquals(first.code, 0, first.stderr);
  assertEquals(pair.destination.digestOf("app", "v1"), app.digest);
  await copy("corp/app:v1", "deep/er/app:stable", "--platform=all");
  assertEquals(pair.destination.digestOf("deep/er/app", "stable"), app.digest);
});

Deno.test("copy: it selects as mirror does", async () => {
  const { pair, app, copy } = pairWithApp();
  await using _ = pair;
  const { stderr } = await copy("corp/app:v1", "app:v1");
  assertEquals(
    pair.destination.entries("app", "v1"),
    app.manifests.slice(0, 2).map((m) => m.digest),
  );
  assertStringIncludes(stderr, "index rebuilt: 2 of 3 platforms");
});

Deno.test("copy: a digest goes whole, to a tag where one is written", async () => {
  const { pair, app, copy } = pairWithApp();
  await using _ = pair;
  await copy(`corp/app@${app.digest}`, "app:pinned");
  assertEquals(pair.destination.digestOf("app", "pinned"), app.digest);
  const { code } = await copy(`corp/app@${app.digest}`, "other");
  assertEquals(code, 0);
  assertEquals(
    pair.destination.manifest("other", app.digest) !== undefined,
    true,
  );
});

Deno.test("copy: a dry run writes nothing, and what fails ends with 1", async () => {
  const { pair, copy } = pairWithApp();
  await using _ = pair;
  const dry = await copy("corp/app:v1", "app", "--dry-run");
  assertEquals(dry.code, 0, dry.stderr);
  assertEquals(pair.destination.tags(), []);
  const failed = await copy("corp/app:v9", "app");
  assertEquals(failed.code, 1, failed.stderr);
  assertStringIncludes(failed.stderr, "cannot read");
});

const WRONG: readonly [string[], string][] = [
  [[], "SRC DST is missing"],
  [["a"], "copy takes two images, SRC and DST: 1 given"],
  [["a", "b", "c"], "copy takes two images, SRC and DST: 3 given"],
  [["a:[", "b"], "invalid"],
  [["a", `b@sha256:${"0".repeat(64)}`], "the digest is the source's"],
  [["http://a.io/b", "c", "--tls-verify"], "contradicts --tls-verify"],
  [["a", "b", "--jobs=2"], "--jobs"],
  [["a", "b", "--missing", "--overwrite"], "--missing"],
];

for (const [words, error] of WRONG) {
  Deno.test(`copy ${words.join(" ")} is refused`, async () => {
    const { code, stderr } = await hangar(["copy", ...words]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, error);
  });
}

Deno.test("copy: into an archive and out of it again, a directory and a tar", async () => {
  const { pair, app } = pairWithApp();
  await using _ = pair;
  const { source, destination, directory } = pair;
  for (
    const archive of [
      `oci:${directory}/d`,
      `oci-archive:${directory}/a.tar`,
      // The name of a file says nothing of it.
      `oci-archive:${directory}/app.oci`,
    ]
  ) {
    const saved = await hangar([
      "copy",
      `${source.host}/corp/app:v1`,
      archive,
      "--platform=all",
    ]);
    assertEquals(saved.code, 0, saved.stderr);
    for (const [from, tag] of [[archive, "one"], [`${archive}:v1`, "two"]]) {
      const to = `${destination.host}/${tag}:${tag}`;
      const loaded = await hangar(["copy", from!, to, "--platform=all"]);
      assertEquals(loaded.code, 0, loaded.stderr);
      assertEquals(destination.digestOf(tag!, tag!), app.digest);
    }
  }
});

Deno.test("copy: a directory is no oci-archive, and a file no oci", async () => {
  const { pair } = pairWithApp();
  await using _ = pair;
  const { source, directory } = pair;
  const app = `${source.host}/corp/app:v1`;
  assertEquals((await hangar(["copy", app, `oci:${directory}/d`])).code, 0);
  await hangar(["copy", app, `oci-archive:${directory}/f`]);
  assertEquals((await Deno.stat(`${directory}/f`)).isFile, true);
  for (
    const [to, error] of [
      [`oci-archive:${directory}/d`, "is a directory"],
      [`oci:${directory}/f`, "is a file"],
    ]
  ) {
    const { code, stderr } = await hangar(["copy", app, to!]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, error!);
  }
});

Deno.test("copy: an archive takes one image after the other, and each has its name", async () => {
  const { pair, app } = pairWithApp();
  await using _ = pair;
  const { source, destination, directory } = pair;
  const other = makeMultiArch("other");
  source.install("corp/other", "v1", other);
  const archive = `oci:${directory}/d`;
  const names = [["corp/app", ":stable"], [
    "corp/other",
    ":registry.example/own/name:v2",
  ]];
  for (const [repository, name] of names) {
    const { code, stderr } = await hangar([
      "copy",
      `${source.host}/${repository}:v1`,
      `${archive}${name}`,
      "--platform=all",
    ]);
    assertEquals(code, 0, stderr);
  }
  for (
    const [name, digest] of [
      ["stable", app.digest],
      ["registry.example/own/name:v2", other.digest],
    ]
  ) {
    const to = `${destination.host}/x:${digest!.slice(7, 15)}`;
    const { code, stderr } = await hangar([
      "copy",
      `${archive}:${name}`,
      to,
      "--platform=all",
    ]);
    assertEquals(code, 0, stderr);
    assertEquals(destination.digestOf("x", digest!.slice(7, 15)), digest);
  }
  const unclear = await hangar(["copy", archive, `${destination.host}/y:1`]);
  assertEquals(unclear.code, 2, unclear.stderr);
  assertStringIncludes(unclear.stderr, "holds 2 images");
  const absent = await hangar([
    "copy",
    `${archive}:nope`,
    `${destination.host}/y:1`,
  ]);
  assertEquals(absent.code !== 0, true);
  assertStringIncludes(absent.stderr, "registry.example/own/name:v2");
});

const WRONG_ARCHIVES: readonly [string[], string][] = [
  [["oci:a", "oci:b", "--overwrite"], "--overwrite means nothing"],
  [["oci:a", "oci-archive:b.tar", "--attest"], "--attest means nothing"],
  [["a", "oci:"], "names no file"],
  [["a", "oci:b.tar:v1"], "write oci-archive:b.tar:v1 for a tar"],
  [["a", "oci-archive:b.tgz"], "uncompressed"],
  [["a", "oci:b", "--overwrite"], "--overwrite means nothing for an archive"],
];

for (const [words, error] of WRONG_ARCHIVES) {
  Deno.test(`copy ${words.join(" ")} is refused`, async () => {
    const { code, stderr } = await hangar(["copy", ...words]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, error);
  });
}
