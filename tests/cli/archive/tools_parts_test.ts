/**
 * The commands on archives, on deltas and volumes.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { makeImage, makeMultiArch, randomBytes } from "../../support/images.ts";
import { hangar } from "../../support/hangar.ts";
import {
  archive,
  filesOf,
  IMAGES,
  LIST,
  listed,
  nameOf,
  saved,
  withImages,
} from "./tools_support.ts";
import type { Carry } from "./support.ts";

const base = [...IMAGES.other.blobs.values()][0]!;

/** A month later: one image is new, one has changed, the others are as before. */
function monthLater(carry: Carry): string {
  carry.source.install(
    "corp/app",
    "v1",
    makeMultiArch("app of today", { layers: [base, 650] }),
  );
  carry.source.install(
    "corp/new",
    "v1",
    makeImage({ seed: "new", layers: [base, 333] }),
  );
  return `${LIST}corp/new:v1\n`;
}

function merged(carry: Carry, to: string, ...from: string[]) {
  return archive([
    "merge",
    ...from.map((name) => `-f=${carry.path(name)}`),
    `-o=${carry.path(to)}`,
  ]);
}

Deno.test("archive: a delta is listed with what it left out, and is whole without it", async () => {
  await using carry = withImages();
  await saved(carry, "full.tar");
  const list = monthLater(carry);
  await saved(carry, "delta.tar", list, [`--since=${carry.path("full.tar")}`]);
  const report = await listed(carry, "delta.tar");
  assertEquals(report.bases.length, 1);
  assertStringIncludes(report.bases[0].name, "full.tar");
  const images = new Map<string, Record<string, unknown>>(
    report.images.map((i: { reference: string }) => [i.reference, i]),
  );
  assertEquals(
    [...images.keys()],
    ["app:v1", "chart:v1", "new:v1", "other:v1"].map((n) => nameOf(carry, n)),
  );
  const fresh = images.get(nameOf(carry, "new:v1"))!;
  assertEquals(fresh["leftOut"], { blobs: 1, bytes: base.byteLength });
  assertEquals(fresh["faults"], []);
  assertEquals(
    (await archive(["ls", carry.path("delta.tar")])).stdout.includes(
      "29.3 KiB left out",
    ),
    true,
  );
  const { code, stderr } = await archive(["verify", carry.path("delta.tar")]);
  assertEquals(code, 0, stderr);
});

Deno.test("archive merge: a full archive and its deltas are what a full archive would be now, in whatever order they are given", async () => {
  await using carry = withImages();
  await saved(carry, "full.tar");
  const since = (...names: string[]) =>
    names.map((name) => `--since=${carry.path(name)}`);
  const list = monthLater(carry);
  await saved(carry, "1.tar", list, since("full.tar"));
  carry.source.install("corp/chart", "v1", IMAGES.other);
  await saved(carry, "2", list, since("full.tar", "1.tar"));
  await saved(carry, "want", list);
  const want = await filesOf(carry, "want");
  for (
    const [to, from] of [
      ["a.tar", ["full.tar", "1.tar", "2"]],
      ["b", ["2", "1.tar", "full.tar"]],
    ] as const
  ) {
    const { code, stderr } = await merged(carry, to, ...from);
    assertEquals(code, 0, stderr);
    assertEquals(await filesOf(carry, to), want, to);
  }
});

Deno.test("archive merge: deltas alone are one delta, which names the bases that are still wanted", async () => {
  await using carry = withImages();
  await saved(carry, "full.tar");
  const list = monthLater(carry);
  const since = [`--since=${carry.path("full.tar")}`];
  await saved(carry, "1.tar", "corp/app:v1", since);
  await saved(carry, "2.tar", list, since);
  const { code, stderr } = await merged(carry, "both.tar", "1.tar", "2.tar");
  assertEquals(code, 0, stderr);
  const { bases, images } = await listed(carry, "both.tar");
  assertEquals(bases.length, 1);
  assert(
    images.some((i: { leftOut: { blobs: number } }) => i.leftOut.blobs > 0),
  );
  assertEquals((await archive(["verify", carry.path("both.tar")])).code, 0);
  for (const name of ["full.tar", "both.tar"]) {
    const loaded = await carry.load(name);
    assertEquals(loaded.code, 0, loaded.stderr);
  }
  await using direct = await carry.mirrored(list);
  assertEquals(
    carry.destination.tags().toSorted(),
    direct.tags().toSorted(),
  );
});

Deno.test("archive export: a part of a delta is a delta", async () => {
  await using carry = withImages();
  await saved(carry, "full.tar");
  const list = monthLater(carry);
  const since = [`--since=${carry.path("full.tar")}`];
  await saved(carry, "delta.tar", list, since);
  const { code, stderr } = await archive([
    "export",
    "-f-",
    `-s=${carry.path("delta.tar")}`,
    `-d=${carry.path("part")}`,
    `--source-registry=${carry.source.host}`,
    `--failed=${carry.path("export-failed.txt")}`,
  ], { stdin: "corp/new:v1" });
  assertEquals(code, 0, stderr);
  await saved(carry, "want", "corp/new:v1", since);
  assertEquals(await filesOf(carry, "part"), await filesOf(carry, "want"));
});

Deno.test("archive: volumes are listed, verified and merged as one archive", async () => {
  await using carry = withImages();
  carry.source.install(
    "corp/large",
    "v1",
    makeImage({ seed: "large", layers: [randomBytes(150_000, "large"), 300] }),
  );
  const list = `${LIST}corp/large:v1`;
  await saved(carry, "set.tar", list, ["--volume-size=64KiB"]);
  const volumes = [...Deno.readDirSync(carry.directory)]
    .map(({ name }) => name).filter((name) => /^set\.\d+\.tar$/.test(name))
    .sort();
  assert(volumes.length > 2, volumes.join());
  await saved(carry, "want", list);
  const want = await filesOf(carry, "want");
  for (const name of ["set.tar", volumes[1]!]) {
    const report = await listed(carry, name);
    assertEquals(report.images.length, 4);
    assertEquals(
      report.images.flatMap((i: { faults: string[] }) => i.faults),
      [],
    );
    const { code, stderr } = await archive(["verify", carry.path(name)]);
    assertEquals(code, 0, stderr);
  }
  const one = await merged(carry, "one", "set.tar");
  assertEquals(one.code, 0, one.stderr);
  assertEquals(await filesOf(carry, "one"), want);
});

Deno.test("archive verify: a lost volume and a damaged one are named", async () => {
  await using carry = withImages();
  await saved(carry, "set.tar", LIST, ["--volume-size=48KiB"]);
  const second = carry.path("set.002.tar");
  const bytes = await Deno.readFile(second);
  const damaged = bytes.slice();
  // In the middle of a layer.
  damaged[bytes.length >> 1]! ^= 1;
  await Deno.writeFile(second, damaged);
  const verified = await archive(["verify", carry.path("set.tar")]);
  assertEquals(verified.code, 1, verified.stderr);
  assertMatch(
    verified.stderr,
    // A blob may be in two of them.
    /damaged: sha256:\w+ of \d+ bytes in (\S+ or )*\S+set\.002\.tar\b/,
  );
  const loaded = await carry.load("set.tar");
  assertEquals(loaded.code, 1, loaded.stderr);
  assertMatch(
    loaded.stderr,
    /cannot read .* it is damaged in (\S+ or )*\S+set\.002\.tar\b/,
  );
  await Deno.remove(second);
  const { code, stderr } = await archive(["verify", carry.path("set.tar")]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "volume 2 of ");
  assertStringIncludes(stderr, `is missing: ${second}`);
});

Deno.test("receipt: what it names is left out of the next archive, and the far side is complete with it", async () => {
  await using carry = withImages();
  await saved(carry, "full.tar");
  assertEquals((await carry.load("full.tar")).code, 0);
  const receipt = carry.path("receipt.json");
  const made = await hangar([
    "receipt",
    "-f-",
    `-d=http://${carry.destination.host}`,
    `-o=${receipt}`,
    `--failed=${carry.path("receipt-failed.txt")}`,
  ], { stdin: LIST });
  assertEquals(made.code, 0, made.stderr);
  const list = monthLater(carry);
  await saved(carry, "delta.tar", list, [`--since=${receipt}`]);
  const { contents } = await listed(carry, "delta.tar");
  assert(contents.bytes < 25_000, `${contents.bytes}`);
  const loaded = await carry.load("delta.tar");
  assertEquals(loaded.code, 0, loaded.stderr);
  await using direct = await carry.mirrored(list);
  for (const name of ["app", "other", "chart", "new"]) {
    assertEquals(
      carry.destination.digestOf(`corp/${name}`, "v1"),
      direct.digestOf(`corp/${name}`, "v1"),
      name,
    );
  }
});

Deno.test("load: a destination that does not say what it holds is named with its answer", async () => {
  await using carry = withImages();
  await saved(carry, "full.tar");
  const list = monthLater(carry);
  await saved(carry, "delta.tar", list, [`--since=${carry.path("full.tar")}`]);
  carry.destination.fault({
    match: { kind: "blob", method: "HEAD" },
    action: { status: 403 },
  });
  carry.destination.fault({
    match: { kind: "blob", method: "GET" },
    action: { status: 403 },
  });
  const { code, stderr } = await carry.load("delta.tar");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "403");
  assertEquals(stderr.includes("AggregateError"), false);
});
