import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { archiveFiles } from "../../../src/machine/archive_files.ts";
import {
  makeFallback,
  makeImage,
  makeMultiArch,
  makeReferrer,
  randomBytes,
} from "../../support/images.ts";
import { hangar } from "../../support/hangar.ts";
import { Carry } from "./support.ts";

const SIZE = 64 * 1024;

/** A set of volumes, one blob of which is larger than a volume. */
async function saveVolumes(carry: Carry): Promise<string> {
  const large = makeImage({
    seed: "large",
    layers: [randomBytes(150_000, "large"), 20_000],
  });
  carry.source.install("corp/large", "v1", large);
  carry.source.install("corp/app", "v1", makeMultiArch("app"));
  for (let i = 0; i < 4; i++) {
    const seed = `n${i}`;
    carry.source.install(
      `corp/${seed}`,
      "v1",
      makeImage({ seed, layers: [randomBytes(18_000, seed)] }),
    );
  }
  const list = [
    "corp/large:v1",
    "corp/app:v1",
    ...[0, 1, 2, 3].map((i) => `corp/n${i}:v1`),
  ].join("\n");
  const saved = await carry.save(list, "set.tar", [`--volume-size=${SIZE}`]);
  assertEquals(saved.code, 0, saved.stderr);
  return list;
}

function volumes(carry: Carry): string[] {
  return [...Deno.readDirSync(carry.directory)].map(({ name }) => name)
    .filter((name) => /^set\.\d+\.tar$/.test(name)).sort();
}

Deno.test("volumes: each fits, is a tar of its own, and says which of how many it is", async () => {
  await using carry = new Carry();
  await saveVolumes(carry);
  const names = volumes(carry);
  assert(names.length >= 4, names.join());
  for (const [i, name] of names.entries()) {
    const { size } = Deno.statSync(carry.path(name));
    assert(size <= SIZE, `${name} has ${size} bytes`);
    const listed = await new Deno.Command("tar", {
      args: ["xOf", carry.path(name), "--wildcards", ".hangar/*.json"],
    }).output();
    assert(listed.success);
    const record = JSON.parse(new TextDecoder().decode(listed.stdout));
    assertEquals(record.volume.number, i + 1);
    assertEquals(record.volume.volumes.length, names.length);
  }
  assertEquals(
    [...Deno.readDirSync(carry.directory)].filter(({ name }) =>
      name.endsWith(".partial")
    ),
    [],
  );
});

for (const how of ["the set", "one volume", "all volumes", "a directory"]) {
  Deno.test(`volumes: they are loaded as one archive (${how})`, async () => {
    await using carry = new Carry();
    const list = await saveVolumes(carry);
    const names = volumes(carry);
    const sources = how === "the set"
      ? ["set.tar"]
      : how === "one volume"
      ? [names[1]!]
      : how === "a directory"
      ? ["."]
      : names;
    const loaded = await hangar([
      "load",
      ...sources.map((name) => `-s=${carry.path(name)}`),
      `-d=http://${carry.destination.host}`,
      `--failed=${carry.path("failed.txt")}`,
    ]);
    assertEquals(loaded.code, 0, loaded.stderr);
    await using mirrored = await carry.mirrored(list);
    for (const name of mirrored.tags()) {
      const [repository, tag] = name.split(":");
      assertEquals(
        carry.destination.digestOf(repository!, tag!),
        mirrored.digestOf(repository!, tag!),
      );
    }
  });
}

Deno.test("volumes: a lost one is named, and made again alone", async () => {
  await using carry = new Carry();
  const list = await saveVolumes(carry);
  const names = volumes(carry);
  const before = new Map(
    names.map((name) => [name, Deno.readFileSync(carry.path(name))]),
  );
  for (const name of names) {
    await Deno.remove(carry.path(name));
    const refused = await carry.load("set.tar");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, name);
    carry.source.clear();
    const saved = await carry.save(list, "set.tar", [`--volume-size=${SIZE}`]);
    assertEquals(saved.code, 0, saved.stderr);
    const sent = carry.source.requests.filter(({ kind, method }) =>
      kind === "blob" && method === "GET"
    ).length;
    assert(sent < 12, `${sent} blobs were fetched for one volume`);
    for (const [other, bytes] of before) {
      if (other !== name) {
        assertEquals(Deno.readFileSync(carry.path(other)), bytes);
      }
    }
    // Its entries may come in another order.
    before.set(name, Deno.readFileSync(carry.path(name)));
  }
  const loaded = await carry.load("set.tar");
  assertEquals(loaded.code, 0, loaded.stderr);
});

Deno.test("volumes: one of another set, and one that is there twice, are named", async () => {
  await using carry = new Carry();
  await saveVolumes(carry);
  const [first, second] = volumes(carry);
  await Deno.copyFile(carry.path(first!), carry.path("set.009.tar"));
  const doubled = await carry.load("set.tar");
  assertEquals(doubled.code, 1);
  assertStringIncludes(doubled.stderr, "both volume 1");
  assertStringIncludes(doubled.stderr, "set.009.tar");
  await Deno.remove(carry.path("set.009.tar"));
  carry.source.install("corp/other", "v1", makeImage({ seed: "other" }));
  const other = await carry.save("corp/other:v1", "other.tar", [
    `--volume-size=${SIZE}`,
  ]);
  assertEquals(other.code, 0, other.stderr);
  await Deno.rename(carry.path("other.001.tar"), carry.path(second!));
  const swapped = await carry.load("set.tar");
  assertEquals(swapped.code, 1);
  assertStringIncludes(swapped.stderr, "different sets");
});

Deno.test("volumes: a size that cannot hold what describes the set is refused", async () => {
  await using carry = new Carry();
  carry.source.install("corp/app", "v1", makeMultiArch("app"));
  const refused = await carry.save("corp/app:v1", "set.tar", [
    "--volume-size=4KiB",
  ]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "--volume-size");
  const odd = await carry.save("corp/app:v1", "set.tar", ["--volume-size=x"]);
  assertEquals(odd.code, 2);
  assertStringIncludes(odd.stderr, "4GiB");
});

Deno.test("volumes: a list of referrers that is only looked at needs no place", async () => {
  await using carry = new Carry();
  const list = await saveVolumes(carry);
  const image = makeImage({ seed: "with an SBOM" });
  const sbom = makeReferrer(image, "sbom");
  carry.source.install("corp/sbom", "v1", image);
  carry.source.install("corp/sbom", undefined, sbom);
  // Another tool's list has other bytes than hangar's.
  const index = makeFallback([sbom]);
  const fallback = image.digest.replace(":", "-");
  carry.source.install("corp/sbom", fallback, index);
  const more = `${list}\ncorp/sbom:v1`;
  const flags = [`--volume-size=${SIZE}`];
  const saved = await carry.save(more, "more.tar", flags);
  assertEquals(saved.code, 0, saved.stderr);
  const { code, stderr } = await carry.load("more.tar");
  assertEquals(code, 0, stderr);
  assertEquals(carry.destination.digestOf("corp/sbom", "v1"), image.digest);
  assert(carry.destination.digestOf("corp/sbom", fallback));
});

Deno.test("volumes: what there is of an image that fails has a place, and the others are whole", async () => {
  await using carry = new Carry();
  const list = await saveVolumes(carry);
  const image = makeImage({ seed: "with an SBOM" });
  const referrers = ["a", "b", "c"].map((seed) => makeReferrer(image, seed));
  carry.source.install("corp/sbom", "v1", image);
  for (const referrer of referrers) {
    carry.source.install("corp/sbom", undefined, referrer);
  }
  carry.source.install(
    "corp/sbom",
    image.digest.replace(":", "-"),
    makeFallback(referrers),
  );
  const { layers } = JSON.parse(
    new TextDecoder().decode(referrers[1]!.bytes),
  );
  carry.source.fault({
    match: { kind: "blob", method: "GET", reference: layers[0].digest },
    times: 100,
    action: { status: 404 },
  });
  const more = `${list}\ncorp/sbom:v1`;
  const saved = await carry.save(more, "more.tar", [`--volume-size=${SIZE}`]);
  assertEquals(saved.code, 1, saved.stderr);
  assertStringIncludes(saved.stderr, "6 copied");
  const { code, stderr } = await carry.load("more.tar");
  assertEquals(code, 0, stderr);
  assertEquals(carry.destination.tags().length, 6);
});

Deno.test("volumes: what another process writes is not touched, whichever volume it makes", async () => {
  await using carry = new Carry();
  const list = await saveVolumes(carry);
  const [, lost] = volumes(carry);
  await Deno.remove(carry.path(lost!));
  const partial = carry.path(`${lost}.partial`);
  await Deno.writeTextFile(partial, "on its way");
  const mark = carry.path("set.tar.partial");
  await Deno.writeTextFile(mark, "");
  const lock = await archiveFiles.lock(mark);
  const again = () =>
    carry.save(list, "set.tar", [`--volume-size=${SIZE}`, "-y"]);
  const refused = await again();
  assertEquals(refused.code, 2, refused.stderr);
  assertStringIncludes(
    refused.stderr,
    `${mark} is being written by another process`,
  );
  assertEquals(await Deno.readTextFile(partial), "on its way");
  await lock![Symbol.asyncDispose]();
  // What is left over of a run that was killed is no obstacle.
  await Deno.writeTextFile(partial, "");
  const { code, stderr } = await again();
  assertEquals(code, 0, stderr);
  assertEquals(
    [...Deno.readDirSync(carry.directory)].map(({ name }) => name)
      .filter((name) => /partial/.test(name)),
    [],
  );
});
