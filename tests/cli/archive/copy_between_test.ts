/**
 * One image, from an archive into another.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../../support/hangar.ts";
import { makeImage } from "../../support/images.ts";
import type { Carry } from "./support.ts";
import {
  archive,
  flip,
  IMAGES,
  nameOf,
  saved,
  SBOM,
  SIGNATURE,
  withImages,
} from "./tools_support.ts";

const ALL = "--platform=all";

/** What `archive ls --image-only` prints. */
async function names(path: string): Promise<string[]> {
  const { code, stdout, stderr } = await archive(["ls", path, "--image-only"]);
  assertEquals(code, 0, stderr);
  return stdout.trim().split("\n");
}

async function assertWhole(path: string): Promise<void> {
  const { code, stderr } = await archive(["verify", path]);
  assertEquals(code, 0, stderr);
}

/** Loads one image, and gives the digest that arrived. */
async function load(carry: Carry, from: string): Promise<string | undefined> {
  const to = `${carry.destination.host}/loaded/app`;
  const { code, stderr } = await hangar([
    "copy",
    from,
    `${to}:x`,
    ALL,
    "--overwrite",
  ]);
  assertEquals(code, 0, stderr);
  return carry.destination.digestOf("loaded/app", "x");
}

/** Every way between the two kinds of archives. */
const WAYS = ["all", "all.tar"].flatMap((from) =>
  ["one", "one.tar"].map((to) => [from, to] as const)
);

function sideOf(carry: Carry, name: string): string {
  const kind = name.endsWith(".tar") ? "oci-archive" : "oci";
  return `${kind}:${carry.path(name)}`;
}

for (const [from, to] of WAYS) {
  Deno.test(`copy between archives: from ${from} to ${to}, with what is attached`, async () => {
    await using carry = withImages();
    await saved(carry, from, undefined, ["--arch=all"]);
    const source = sideOf(carry, from);
    const target = sideOf(carry, to);
    carry.source.clear();
    const app = nameOf(carry, "app");
    const other = nameOf(carry, "other");
    for (const name of [`${app}:v1`, `${other}:v1`]) {
      const { code, stderr } = await hangar([
        "copy",
        `${source}:${name}`,
        target,
        ALL,
      ]);
      assertEquals(code, 0, stderr);
    }
    // It keeps its name, and no registry is asked.
    assertEquals(await names(carry.path(to)), [`${app}:v1`, `${other}:v1`]);
    assertEquals(carry.source.requests, []);
    await assertWhole(carry.path(to));

    const { destination } = carry;
    assertEquals(await load(carry, `${target}:${app}:v1`), IMAGES.app.digest);
    assertEquals(
      destination.digestOf(
        "loaded/app",
        `${IMAGES.app.digest.replace(":", "-")}.sig`,
      ),
      SIGNATURE.digest,
    );
    assertEquals(
      await load(carry, `${target}:${other}:v1`),
      IMAGES.other.digest,
    );
    assert(destination.manifest("loaded/app", SBOM.digest));
  });
}

Deno.test("copy between archives: REF names it, and the flags choose of it", async () => {
  await using carry = withImages();
  await saved(carry, "all", undefined, ["--arch=all"]);
  const source = `oci:${carry.path("all")}:${nameOf(carry, "app")}:v1`;
  const target = `oci:${carry.path("one")}`;
  const copies: [string, string][] = [
    [`${target}:stable`, "--platform=linux/arm64"],
    [`${target}:reg.example/own/name:v2`, "--remove-signatures"],
  ];
  for (const [to, flag] of copies) {
    const { code, stderr } = await hangar(["copy", source, to, flag]);
    assertEquals(code, 0, stderr);
  }
  assertEquals(await names(carry.path("one")), [
    `${nameOf(carry, "app")}:stable`,
    "reg.example/own/name:v2",
  ]);
  const { stdout } = await archive(["ls", carry.path("one"), "--json"]);
  const [stable, own] = JSON.parse(stdout).images;
  assertEquals(stable.digest, IMAGES.app.digest);
  assertEquals(own.digest, IMAGES.app.digest);
  await assertWhole(carry.path("one"));
  const index = await Deno.readTextFile(carry.path("one/index.json"));
  assertStringIncludes(index, `${nameOf(carry, "app")}:sha256-`);
  assert(!index.includes("own/name:sha256-"));
});

Deno.test("copy between archives: within one, an image gets one more name", async () => {
  await using carry = withImages();
  for (const name of ["all", "all.tar"]) {
    await saved(carry, name, undefined, ["--arch=all"]);
    const side = sideOf(carry, name);
    const app = nameOf(carry, "app");
    const before = await names(carry.path(name));
    const { code, stderr } = await hangar([
      "copy",
      `${side}:${app}:v1`,
      `${side}:again`,
      ALL,
    ]);
    assertEquals(code, 0, stderr);
    assertEquals(
      await names(carry.path(name)),
      [`${app}:again`, ...before].sort(),
    );
    await assertWhole(carry.path(name));
    assertEquals(await load(carry, `${side}:again`), IMAGES.app.digest);
    const same = await hangar(["copy", `${side}:again`, side, ALL]);
    assertEquals(same.code, 0, same.stderr);
    assertStringIncludes(same.stderr, "1 up to date");
  }
});

Deno.test("copy between archives: tags without a repository, as other tools write them", async () => {
  await using carry = withImages();
  await saved(carry, "all", "corp/app:v1\n", ["--arch=all"]);
  const path = carry.path("all/index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  const [image] = index.manifests.filter((m: { digest: string }) =>
    m.digest === IMAGES.app.digest
  );
  image.annotations = { "org.opencontainers.image.ref.name": "v1" };
  index.manifests = [image];
  await Deno.writeTextFile(path, JSON.stringify(index));
  for (const from of ["", ":v1"]) {
    const source = `oci:${carry.path("all")}${from}`;
    const target = `oci:${carry.path("one")}`;
    for (const ref of ["", ":v2", ":reg.example/app:v3"]) {
      const { code, stderr } = await hangar(
        ["copy", source, `${target}${ref}`, ALL],
      );
      assertEquals(code, 0, stderr);
      const name = ref.slice(1) || "v1";
      assertEquals(await load(carry, `${target}:${name}`), IMAGES.app.digest);
    }
  }
});

Deno.test("copy between archives: damaged content fails the image, and the other archive stays as it was", async () => {
  await using carry = withImages();
  await saved(carry, "all", undefined, ["--arch=all"]);
  await saved(carry, "one", "corp/other:v1\n");
  const before = await Deno.readFile(carry.path("one/index.json"));
  const [child] = IMAGES.app.manifests;
  const text = new TextDecoder().decode(child!.bytes);
  const config: string = JSON.parse(text).config.digest;
  await flip(carry, "all", config);
  const source = `oci:${carry.path("all")}:${nameOf(carry, "app")}:v1`;
  for (const name of ["one", "two"]) {
    const target = `oci:${carry.path(name)}`;
    const { code, stderr } = await hangar(["copy", source, target, ALL]);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, config);
  }
  assertEquals(await Deno.readFile(carry.path("one/index.json")), before);
  await assertWhole(carry.path("one"));
  assertEquals((await archive(["ls", carry.path("two")])).code, 2);
});

Deno.test("copy between archives: an image of a delta is refused", async () => {
  await using carry = withImages();
  await saved(carry, "base.tar", "corp/other:v1\n");
  carry.source.install("corp/other", "v2", IMAGES.other);
  carry.source.install("corp/more", "v1", makeImage({ seed: "more" }));
  await saved(carry, "delta.tar", "corp/other:v2\ncorp/more:v1\n", [
    `--since=${carry.path("base.tar")}`,
  ]);
  const { code, stderr } = await hangar([
    "copy",
    `oci-archive:${carry.path("delta.tar")}:v2`,
    `oci:${carry.path("one")}`,
  ]);
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, "hangar archive merge");
});
