/**
 * Who checks the digests of blobs: hangar, or a destination that has shown that
 * it does.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  FakeRegistry,
  type Quirks,
  type SeenRequest,
} from "../support/fake_registry.ts";
import { type MadeImage, makeImage, makeSha512 } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

/** The size of the second image's layer: large here, and streamed. */
const LARGE = 600_000;
const options = { verifyFromBytes: 100_000 };

function imageOf(
  seed: string,
  size: number,
): { image: MadeImage; layer: string } {
  const image = makeImage({ seed, layers: [size] });
  const [layer] = [...image.blobs].find(([, b]) => b.byteLength === size)!;
  return { image, layer };
}

/**
 * Two images, one after the other: during the first, the destination shows what
 * it does with a wrong digest.
 */
function install(pair: Pair) {
  const first = imageOf("first", LARGE - 1);
  const second = imageOf("second", LARGE);
  pair.source.install("corp/first", "v1", first.image);
  pair.source.install("corp/second", "v1", second.image);
  return { list: "corp/first:v1\ncorp/second:v1", layer: second.layer };
}

/** The answers to attempts to end the upload of a blob. */
function puts({ destination }: Pair, layer: string): (number | undefined)[] {
  return destination.requests
    .filter(({ method, query }) =>
      method === "PUT" && query.includes(layer.slice(7))
    )
    .map(({ status }) => status);
}

/** The digest in a query. */
function digestIn(query: string): string {
  return new URLSearchParams(query).get("digest") ?? "";
}

/** Whether a request ends an upload under a digest that no image has. */
function isTrial(
  { source }: Pair,
  { kind, method, query }: SeenRequest,
): boolean {
  return kind === "upload" && method === "PUT" && !source.blob(digestIn(query));
}

function trials(pair: Pair): SeenRequest[] {
  return pair.destination.requests.filter((seen) => isTrial(pair, seen));
}

async function reportOf(pair: Pair, list: string, flags: string[] = []) {
  const file = `${pair.directory}/report.json`;
  const result = await pair.mirror(
    list,
    ["-j1", `--report=${file}`, ...flags],
    options,
  );
  const { hosts } = JSON.parse(await Deno.readTextFile(file));
  const checks =
    hosts.find(({ host }: { host: string }) => host === pair.destination.host)!
      .checksDigests;
  return { ...result, checks };
}

Deno.test("verify: a destination is tried once, in a repository that is filled, and nothing stays", async () => {
  await using pair = new Pair();
  const { list } = install(pair);
  const { code, stderr, checks } = await reportOf(pair, list, ["--debug"]);
  assertEquals(code, 0, stderr);
  assertEquals(checks, true);
  const tried = trials(pair);
  assertEquals(tried.map(({ status }) => status), [400]);
  assertEquals(tried[0]!.repository, "corp/first");
  const digest = digestIn(tried[0]!.query);
  assertEquals(pair.destination.hasBlob("corp/first", digest), false);
  assertStringIncludes(stderr, "it checks the blobs that it is sent");
});

for (const flags of [[], ["--verify=auto"]]) {
  Deno.test(`verify: what the destination refuses is sent once more and checked here, so that the source is named (${flags})`, async () => {
    await using pair = new Pair();
    const { list, layer } = install(pair);
    pair.source.flip(layer);
    const { code, stderr } = await pair.mirror(
      list,
      ["-j1", ...flags],
      options,
    );
    assertEquals(code, 1, stderr);
    // The destination refused it; then it was not sent to the end.
    assertEquals(puts(pair, layer), [400]);
    assertStringIncludes(
      stderr,
      `cannot read blob ${layer} from source ${pair.source.host}/corp/second: content has digest`,
    );
    assertEquals(await pair.failedLines(), ["corp/second:v1"]);
    assertEquals(pair.destination.tags(), ["corp/first:v1"]);
  });
}

Deno.test("verify: --verify=always checks here, and tries nothing", async () => {
  await using pair = new Pair();
  const { list, layer } = install(pair);
  pair.source.flip(layer);
  const { code, stderr, checks } = await reportOf(pair, list, [
    "--verify=always",
  ]);
  assertEquals(code, 1, stderr);
  assertEquals(checks, false);
  assertEquals(trials(pair), []);
  assertEquals(puts(pair, layer), []);
  assertStringIncludes(stderr, `cannot read blob ${layer} from source`);
});

const UNCHECKED: Readonly<Record<string, [Quirks, warned: boolean]>> = {
  "that takes a wrong digest": [{ takesAnyDigest: () => true }, true],
  "that refuses a wrong digest and keeps the content": [{
    digestRefusal: { status: 400, code: "DIGEST_INVALID", keeps: true },
  }, true],
  "that refuses for another reason": [{
    digestRefusal: { status: 400, code: "SIZE_INVALID" },
  }, false],
  "that fails on a wrong digest and names the reason": [{
    digestRefusal: { status: 500, code: "DIGEST_INVALID" },
  }, false],
  "that fails on a wrong digest": [{
    digestRefusal: { status: 500, code: "UNKNOWN" },
  }, false],
};

for (const [what, [quirks, isWarned]] of Object.entries(UNCHECKED)) {
  Deno.test(`verify: for a destination ${what} hangar checks`, async () => {
    await using pair = new Pair({ quirks });
    const { list, layer } = install(pair);
    pair.source.flip(layer);
    const { code, stderr, checks } = await reportOf(pair, list);
    assertEquals(code, 1, stderr);
    assertEquals(checks, false);
    assertEquals(puts(pair, layer), []);
    assertEquals(pair.destination.hasBlob("corp/second", layer), false);
    assertStringIncludes(stderr, `cannot read blob ${layer} from source`);
    assertEquals(stderr.includes("does not check what it is sent"), isWarned);
    assertEquals(pair.destination.tags(), ["corp/first:v1"]);
  });
}

Deno.test("verify: a trial that a fault ended is made again", async () => {
  let failures = 0;
  await using pair: Pair = new Pair({
    chaos: (seen) =>
      isTrial(pair, seen) && failures++ === 0 ? { status: 503 } : undefined,
  });
  const { list } = install(pair);
  const { code, stderr, checks } = await reportOf(pair, list);
  assertEquals(code, 0, stderr);
  assertEquals(checks, true);
  assertEquals(trials(pair).map(({ status }) => status), [503, 400]);
});

Deno.test("verify: a trial that faults end every time is given up", async () => {
  await using pair: Pair = new Pair({
    chaos: (seen) => isTrial(pair, seen) ? { status: 503 } : undefined,
  });
  const lines = ["a", "b", "c", "d", "e"].map((name) => {
    const { image } = imageOf(name, LARGE);
    pair.source.install(`corp/${name}`, "v1", image);
    return `corp/${name}:v1`;
  });
  const list = lines.join("\n");
  const { code, stderr, checks } = await reportOf(pair, list);
  assertEquals(code, 0, stderr);
  assertEquals(checks, false);
  assertEquals(trials(pair).length, 3);
});

Deno.test("verify: an upload of what passes that breaks is continued", async () => {
  let isBroken = false;
  await using pair: Pair = new Pair({
    quirks: {
      breakUploads: () => {
        const isSecond = pair.destination.tags().includes("corp/first:v1");
        if (isBroken || !isSecond) return Infinity;
        isBroken = true;
        return 1;
      },
    },
  });
  const { list, layer } = install(pair);
  const { code, stderr } = await pair.mirror(list, ["-j1"], options);
  assertEquals(code, 0, stderr);
  assert(isBroken);
  assertEquals(puts(pair, layer), [201]);
});

Deno.test("verify: content that is damaged on its way for once arrives, with a warning", async () => {
  let alterations = 1;
  await using pair = new Pair({
    quirks: { altersUpload: (bytes) => bytes === LARGE && alterations-- > 0 },
  });
  const { list, layer } = install(pair);
  const { code, stderr } = await pair.mirror(list, ["-j1"], options);
  assertEquals(code, 0, stderr);
  assertEquals(puts(pair, layer), [400, 201]);
  assertStringIncludes(stderr, `refused blob ${layer}, and took it`);
});

for (const way of ["auto", "always"]) {
  Deno.test(`verify: content that is damaged on its way every time is not blamed on the source (${way})`, async () => {
    await using pair = new Pair({
      quirks: { altersUpload: (bytes) => bytes === LARGE },
    });
    const { list } = install(pair);
    const flags = ["-j1", `--verify=${way}`];
    const { code, stderr } = await pair.mirror(list, flags, options);
    assertEquals(code, 1, stderr);
    assertStringIncludes(
      stderr,
      `to destination ${pair.destination.host}/corp/second: PUT`,
    );
    assertStringIncludes(stderr, "DIGEST_INVALID");
    assertStringIncludes(stderr, "the content was right when hangar sent it");
    assertEquals(await pair.failedLines(), ["corp/second:v1"]);
  });
}

Deno.test("verify: a destination that lies in the trial is found out by --verify=always", async () => {
  await using pair = new Pair({
    quirks: { takesAnyDigest: (bytes) => bytes > 1000 },
  });
  const { list, layer } = install(pair);
  pair.source.flip(layer);
  const { code, stderr } = await pair.mirror(
    list,
    ["-j1", "--verify=always"],
    options,
  );
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, `cannot read blob ${layer} from source`);
  assertEquals(pair.destination.hasBlob("corp/second", layer), false);
});

for (const shorter of [true, false]) {
  Deno.test(`verify: the size is checked here in any case: ${shorter ? "too short" : "too long"}`, async () => {
    await using pair = new Pair();
    const { list, layer } = install(pair);
    const bytes = pair.source.blob(layer)!;
    pair.source.fault({
      match: { kind: "blob", method: "GET", reference: layer },
      action: {
        status: 200,
        body: "x".repeat(shorter ? bytes.byteLength - 1 : bytes.byteLength + 1),
      },
    });
    const { code, stderr } = await pair.mirror(list, ["-j1"], options);
    assertEquals(code, 1, stderr);
    assertEquals(puts(pair, layer), []);
    assertStringIncludes(stderr, "from source");
    assertEquals(await pair.failedLines(), ["corp/second:v1"]);
  });
}

Deno.test("verify: what passes is still watched, and continued where it broke", async () => {
  await using pair = new Pair();
  const { list, layer } = install(pair);
  pair.source.fault({
    match: { kind: "blob", method: "GET", reference: layer },
    times: 1,
    action: { stallAfter: 300_000 },
  });
  const { code, stderr } = await pair.mirror(list, [
    "-j1",
    "--stall-timeout=1s",
  ], options);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "nothing came for 1 s");
  assertEquals(
    pair.source.requests.filter(({ reference }) => reference === layer).length,
    2,
  );
  assertEquals(puts(pair, layer), [201]);
});

Deno.test("verify: nothing is tried for small blobs, other algorithms, --overwrite, a dry run or a validation", async () => {
  await using pair = new Pair();
  pair.source.install(
    "corp/small",
    "v1",
    makeImage({ seed: "s", layers: [99_000] }),
  );
  pair.source.install("corp/other", "v1", makeSha512([LARGE]));
  const { list } = install(pair);
  const small = "corp/small:v1\ncorp/other:v1";
  for (
    const [lines, flags] of [
      [small, []],
      [list, ["--dry-run"]],
      [list, ["--overwrite"]],
    ] as const
  ) {
    const { code, stderr } = await pair.mirror(lines, [...flags], options);
    assertEquals(code, 0, stderr);
  }
  const { code, stderr } = await pair.validate(list, ["--deep=bytes"], options);
  assertEquals(code, 0, stderr);
  assertEquals(trials(pair), []);
});

Deno.test("verify: a blob of a mebibyte is large", async () => {
  for (const [bytes, expected] of [[1024 * 1024, 1], [1024 * 1024 - 1, 0]]) {
    await using pair = new Pair();
    const image = makeImage({ seed: "size", layers: [bytes!] });
    pair.source.install("corp/app", "v1", image);
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 0, stderr);
    assertEquals(trials(pair).length, expected);
  }
});

Deno.test("verify: of several destinations each shows for itself what it does", async () => {
  await using pair = new Pair();
  await using careless = FakeRegistry.start({
    quirks: { takesAnyDigest: () => true },
  });
  const { list, layer } = install(pair);
  pair.source.flip(layer);
  const { code, stderr } = await pair.mirror(list, [
    "-j1",
    `--destination=http://${careless.host}`,
  ], options);
  assertEquals(code, 1, stderr);
  assertStringIncludes(
    stderr,
    `${careless.host} stored content with a wrong digest`,
  );
  assertEquals(puts(pair, layer), [400]);
  assertEquals(careless.hasBlob("corp/second", layer), false);
  for (const registry of [pair.destination, careless]) {
    assertEquals(registry.tags(), ["corp/first:v1"]);
  }
  assertEquals(await pair.failedLines(), ["corp/second:v1"]);
});

Deno.test("verify: one request at a time is enough", async () => {
  await using pair = new Pair();
  const { list } = install(pair);
  const { code, stderr } = await pair.mirror(list, [
    "-j2",
    "--max-per-host=1",
    "--timeout=20s",
  ], options);
  assertEquals(code, 0, stderr);
  assert(trials(pair).length <= 1);
});
