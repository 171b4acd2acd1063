import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiArch,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

/** A pair with one of each kind, mirrored. */
async function mirrored() {
  const pair = new Pair();
  const app = makeMultiArch("app", { attestations: true });
  const single = makeImage({ seed: "single" });
  pair.source.install("corp/app", "v1", app);
  pair.source.install("corp/single", "v1", single);
  pair.source.install("corp/chart", "v1", makeArtifact("chart"));
  const list = [
    "corp/app:v1",
    "corp/single:v1",
    "corp/chart:v1",
    `corp/app@${app.digest}`,
    `corp/single:pin@${single.digest}`,
  ].join("\n");
  const { code, stderr } = await pair.mirror(list);
  assertEquals(code, 0, stderr);
  pair.destination.clear();
  return { pair, app, single, list };
}

for (const deep of [[], ["--deep"], ["--deep=bytes"]]) {
  Deno.test(`validate ${deep}: what mirror made passes, and nothing is changed`, async () => {
    const { pair, list } = await mirrored();
    await using _ = pair;
    const { code, stderr } = await pair.validate(list, deep);
    assertEquals(code, 0, stderr);
    assertEquals(stderr.match(/PASS: \[.*\] == \[.*\]/g)?.length, 5);
    assertStringIncludes(stderr, "Done: 5 passed, 0 skipped, 0 failed");
    const methods = new Set(pair.destination.requests.map((r) => r.method));
    assertEquals(methods.isSubsetOf(new Set(["GET", "HEAD"])), true);
  });
}

Deno.test("validate: each kind of damage is found and named, and the line kept", async () => {
  const { pair, app, single, list } = await mirrored();
  await using _ = pair;
  pair.damaged = true;
  const [amd64, , attestation] = pair.source.entries("corp/app", "v1");
  const check = async (flags: string[], ...words: string[]) => {
    const { code, stderr } = await pair.validate(list, flags);
    assertEquals(code, 1, stderr);
    for (const word of words) assertStringIncludes(stderr, word);
    return await pair.failedLines();
  };

  pair.destination.remove("corp/app", attestation!);
  assertEquals(
    await check([], `missing: attestation of ${amd64} ${attestation}`),
    ["corp/app:v1", `corp/app@${app.digest}`],
  );
  pair.destination.remove("corp/app", amd64!);
  await check([], `missing: linux/amd64 ${amd64}`);

  pair.destination.install("corp/app", "v1", app);
  const [blob = ""] = single.blobs.keys();
  pair.destination.remove("corp/single", blob);
  assertEquals((await pair.validate(list)).code, 0);
  assertEquals(
    await check(["--deep"], `missing: blob ${blob} of 1000 bytes`),
    ["corp/single:v1", `corp/single:pin@${single.digest}`],
  );

  pair.destination.install("corp/single", "v1", single);
  pair.destination.flip(blob);
  assertEquals((await pair.validate(list, ["--deep"])).code, 0);
  await check(["--deep=bytes"], `damaged: blob ${blob}`);
  pair.destination.flip(blob);

  const other = makeImage({ seed: "other" });
  pair.destination.install("corp/single", "v1", other);
  pair.destination.install("corp/single", "pin", other);
  await check(
    [],
    `different: the tag holds ${other.digest}, want ${single.digest}`,
    `different: pin is ${other.digest}, want ${single.digest}`,
  );
  pair.destination.install("corp/app", "v1", makeMultiArch("moved"));
  await check([], `missing: linux/amd64 ${amd64} in the index`);
});

Deno.test("validate: a tag that is not there, and a source that is not there", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeMultiArch("app"));
  const { code, stderr } = await pair.validate("corp/app:v1\ncorp/none:v1");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "missing: tag v1");
  assertStringIncludes(stderr, "there is no such image");
  assertEquals(stderr.match(/FAILED: \[.*\] != \[.*\]/g)?.length, 2);
});

Deno.test("validate: judges by the flags of mirror, before or after the word", async () => {
  await using pair = new Pair();
  const app = makeMultiArch("app", {
    attestations: true,
    platforms: ["linux/amd64", "linux/arm64", "linux/s390x"],
  });
  pair.source.install("corp/app", "v1", app);
  await pair.mirror("corp/app:v1", ["-a", "amd64"]);
  const verdict = async (...flags: string[]) =>
    (await pair.validate("corp/app:v1", flags)).code;
  assertEquals(await verdict("-a", "amd64"), 0);
  assertEquals(await verdict("-a", "amd64", "--overwrite"), 0);
  assertEquals(await verdict(), 1);
  // The attestation is beyond what --overwrite would leave.
  assertEquals(await verdict("-a", "amd64", "--provenance=false"), 0);
  assertEquals(
    await verdict("-a", "amd64", "--provenance=false", "--overwrite"),
    1,
  );
});

Deno.test("validate: nothing selected is skipped, as by mirror", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeMultiArch("app"));
  const { code, stderr } = await pair.validate("corp/app:v1", ["-a", "s390x"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "no available image for specified arch and os");
  assertStringIncludes(stderr, "0 passed, 1 skipped, 0 failed");
});

Deno.test("validate: a nested index is walked to its images", async () => {
  await using pair = new Pair();
  pair.damaged = true;
  const inner = makeMultiArch("inner");
  pair.source.install("corp/app", "v1", makeIndex([inner]));
  await pair.mirror("corp/app:v1");
  const [child = ""] = pair.source.entries("corp/app", inner.digest);
  pair.destination.remove("corp/app", child);
  const { code, stderr } = await pair.validate("corp/app:v1");
  assertEquals(code, 1);
  assertStringIncludes(stderr, `missing: linux/amd64 ${child}`);
  assert(stderr.includes(inner.digest));
});

Deno.test("validate: a depth that does not exist is wrong usage", async () => {
  await using pair = new Pair();
  const { code, stderr } = await pair.validate("a/b:1", ["--deep=most"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, '"most" for --deep');
});

Deno.test("validate: on a terminal each verdict is one line, and says whether the digests are equal", async () => {
  await using pair = new Pair();
  const platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
  pair.source.install("corp/app", "v1", makeMultiArch("app", { platforms }));
  pair.source.install("corp/single", "v1", makeImage({ seed: "single" }));
  pair.source.install("corp/lost", "v1", makeImage({ seed: "lost" }));
  const mirrored = await pair.mirror("corp/app:v1\ncorp/single:v1");
  assertEquals(mirrored.code, 0, mirrored.stderr);
  const { code, stderr } = await pair.validate(
    "corp/app:v1\ncorp/single:v1\ncorp/lost:v1",
    [],
    { terminal: { columns: 80, rows: 24 } },
  );
  assertEquals(code, 1);
  const lines = stderr.split("\n").map((line) =>
    line.slice(line.indexOf("] [") + 2)
  );
  const of = (image: string) =>
    lines.filter((line) => line.includes(`] [IMG:${image}] `));
  assertEquals([of("1").length, of("2").length], [1, 1]);
  assertStringIncludes(of("1")[0]!, "[INFO] [IMG:1] PASS ~ 2/3  app:v1 ");
  assertStringIncludes(of("2")[0]!, "[INFO] [IMG:2] PASS ==     single:v1");
  // The failure, and the recap of it.
  assertEquals(of("3").length, 2);
  assertStringIncludes(of("3")[0]!, "[IMG:3] failed      lost:v1: missing: ");
  assertStringIncludes(
    stderr,
    "[INFO] index rebuilt: PASS ~ 2/3 is 2 of 3 platforms, so its digest is not the source's",
  );
});
