import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { makeImage, makeMultiArch, randomBytes } from "../../support/images.ts";
import { FakeRegistry } from "../../support/fake_registry.ts";
import { hangar } from "../../support/hangar.ts";
import { Carry } from "./support.ts";

/** The size of an archive, in bytes. */
function sizeOf(carry: Carry, name: string): number {
  return Deno.statSync(carry.path(name)).size;
}

/** Two versions of an image that share their large base. */
function installVersions(carry: Carry) {
  const base = randomBytes(300_000, "base");
  const one = makeImage({ seed: "one", layers: [base, 1000] });
  const two = makeImage({ seed: "two", layers: [base, 2000] });
  carry.source.install("corp/app", "v1", one);
  carry.source.install("corp/app", "v2", two);
  return { one, two };
}

for (const kind of ["a.tar", "layout", "index.json", "volumes.tar"]) {
  Deno.test(`deltas: what the base has is neither fetched nor carried (${kind})`, async () => {
    await using carry = new Carry();
    const { two } = installVersions(carry);
    const first = kind === "index.json" ? "layout" : kind;
    const flags = kind === "volumes.tar" ? ["--volume-size=200000"] : [];
    assertEquals((await carry.save("corp/app:v1", first, flags)).code, 0);
    assertEquals((await carry.load(first)).code, 0);
    carry.source.clear();
    const base = kind === "index.json"
      ? carry.path("layout/index.json")
      : carry.path(kind);
    const saved = await carry.save("corp/app:v2", "b.tar", [`--since=${base}`]);
    assertEquals(saved.code, 0, saved.stderr);
    assert(sizeOf(carry, "b.tar") < 30_000, `${sizeOf(carry, "b.tar")} bytes`);
    carry.destination.clear();
    const loaded = await carry.load("b.tar");
    assertEquals(loaded.code, 0, loaded.stderr);
    assertEquals(carry.destination.digestOf("corp/app", "v2"), two.digest);
    assert(carry.destination.blobBytesReceived < 10_000);
  });
}

Deno.test("deltas: what is left out is brought from another repository of the far side", async () => {
  for (const mounts of ["yes", "ignored"] as const) {
    await using carry = new Carry({
      quirks: { ignoreMounts: mounts === "ignored" },
    });
    const base = randomBytes(200_000, "base");
    carry.source.install(
      "corp/app",
      "v1",
      makeImage({ seed: "1", layers: [base] }),
    );
    const other = makeImage({ seed: "2", layers: [base, 500] });
    carry.source.install("team/other", "v1", other);
    assertEquals((await carry.save("corp/app:v1")).code, 0);
    assertEquals((await carry.load()).code, 0);
    const since = `--since=${carry.path("a.tar")}`;
    assertEquals((await carry.save("team/other:v1", "b.tar", [since])).code, 0);
    const loaded = await carry.load("b.tar");
    assertEquals(loaded.code, 0, loaded.stderr);
    assertEquals(carry.destination.digestOf("team/other", "v1"), other.digest);
    const proof = await hangar([
      "load",
      "validate",
      `-s=${carry.path("b.tar")}`,
      `-d=http://${carry.destination.host}`,
      `--failed=${carry.path("failed.txt")}`,
      "--deep=bytes",
    ]);
    assertEquals(proof.code, 0, proof.stderr);
  }
});

Deno.test("deltas: an image whose base was not loaded fails, with the name of the base, and is not tagged", async () => {
  await using carry = new Carry();
  installVersions(carry);
  carry.source.install("corp/new", "v1", makeImage({ seed: "new" }));
  assertEquals((await carry.save("corp/app:v1")).code, 0);
  const saved = await carry.save("corp/app:v2\ncorp/new:v1\n", "b.tar", [
    `--since=${carry.path("a.tar")}`,
  ]);
  assertEquals(saved.code, 0, saved.stderr);
  const loaded = await carry.load("b.tar");
  assertEquals(loaded.code, 1, loaded.stderr);
  assertStringIncludes(loaded.stderr, "load a.tar first");
  assertEquals(carry.destination.tags(), ["corp/new:v1"]);
  const failed = await Deno.readTextFile(carry.path("load-failed.txt"));
  assertStringIncludes(failed, "corp/app:v2");
});

Deno.test("deltas: a receipt says what the far side has", async () => {
  await using carry = new Carry();
  const { two } = installVersions(carry);
  assertEquals((await carry.save("corp/app:v1")).code, 0);
  assertEquals((await carry.load()).code, 0);
  const receipt = await hangar([
    "receipt",
    "-f-",
    `-d=http://${carry.destination.host}`,
    `-o=${carry.path("receipt.json")}`,
    `--failed=${carry.path("receipt-failed.txt")}`,
  ], { stdin: "corp/app:v1" });
  assertEquals(receipt.code, 0, receipt.stderr);
  const saved = await carry.save("corp/app:v2", "b.tar", [
    `--since=${carry.path("receipt.json")}`,
  ]);
  assertEquals(saved.code, 0, saved.stderr);
  assert(sizeOf(carry, "b.tar") < 30_000);
  // A receipt cannot be loaded: elsewhere the registry that it is of is named.
  const empty = FakeRegistry.start();
  const elsewhere = await hangar([
    "load",
    `-s=${carry.path("b.tar")}`,
    `-d=http://${empty.host}`,
    `--failed=${carry.path("elsewhere-failed.txt")}`,
  ]);
  await empty[Symbol.asyncDispose]();
  assertEquals(elsewhere.code, 1, elsewhere.stderr);
  assertStringIncludes(
    elsewhere.stderr,
    `receipt.json is the receipt of ${carry.destination.host}: load into that registry, or save again without it`,
  );
  assertEquals((await carry.load("b.tar")).code, 0);
  assertEquals(carry.destination.digestOf("corp/app", "v2"), two.digest);
});

Deno.test("deltas: full and deltas load to what one full archive loads to, whatever moved", async () => {
  await fc.assert(
    fc.asyncProperty(
      // For each carry: which version each of three tags points at; 0 for none.
      fc.array(fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)), {
        minLength: 2,
        maxLength: 4,
      }),
      async (history) => {
        await using carry = new Carry();
        const base = randomBytes(5_000, "base");
        const images = [1, 2, 3, 4].map((n) =>
          n === 4
            ? makeMultiArch("four")
            : makeImage({ seed: `v${n}`, layers: [base, 100 * n] })
        );
        const bases: string[] = [];
        let last: string[] = [];
        for (const [step, tags] of history.entries()) {
          const lines = tags.flatMap((version, tag) => {
            const image = images[version - 1];
            if (!image) return [];
            carry.source.install(`corp/r${tag}`, "v", image);
            return [`corp/r${tag}:v`];
          });
          if (lines.length === 0) continue;
          const name = `step${step}.tar`;
          const saved = await carry.save(
            lines.join("\n"),
            name,
            bases.map((path) => `--since=${path}`),
          );
          assertEquals(saved.code, 0, saved.stderr);
          const loaded = await carry.load(name, ["--overwrite"]);
          assertEquals(loaded.code, 0, loaded.stderr);
          bases.push(carry.path(name));
          last = lines;
        }
        if (last.length === 0) return;
        for (const line of last) {
          const [repository] = line.split(":");
          const digest = carry.source.digestOf(repository!, "v");
          assertEquals(carry.destination.digestOf(repository!, "v"), digest);
        }
      },
    ),
    { numRuns: 15 },
  );
});
