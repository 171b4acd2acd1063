import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { mirror } from "../../src/library/mod.ts";
import type { MirrorReport } from "../../src/report/json_report.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const NAMES = [...Array(12).keys()].map((i) => `corp/app${i}`);

function install(pair: Pair): Pair {
  for (const name of NAMES) {
    pair.source.install(name, "v1", makeImage({ seed: name, layers: [300] }));
    pair.source.install(
      name,
      "v2",
      makeImage({ seed: `${name}-2`, layers: [300] }),
    );
  }
  return pair;
}

const LIST = [
  ...NAMES.flatMap((name) => [`${name}:v1`, `${name}:v2`]),
  "corp/none:v1",
  "two words",
].join("\n");

async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(text),
  );
  return `sha256:${
    [...new Uint8Array(hash)].map((b) => b.toString(16).padStart(2, "0"))
      .join("")
  }`;
}

Deno.test("shard: all parts together do what one run does, each line once", async () => {
  await using pair = install(new Pair());
  const reports: MirrorReport[] = [];
  const failed: string[] = [];
  let failedRuns = 0;
  for (let i = 0; i < 4; i++) {
    const { code, stdout } = await pair.mirror(LIST, [
      `--shard=${i}/4`,
      "--report=-",
    ]);
    const report: MirrorReport = JSON.parse(stdout);
    const own = await pair.failedLines();
    assertEquals(code, own.length > 0 ? 1 : 0);
    assertEquals(report.failedLines.map(({ text }) => text), own);
    if (own.length > 0) failedRuns++;
    failed.push(...own);
    reports.push(report);
  }
  assert(failedRuns >= 1);
  assertEquals(failed.sort(), ["corp/none:v1", "two words"]);
  assertEquals(
    pair.destination.tags().sort(),
    NAMES.flatMap((name) => [`${name}:v1`, `${name}:v2`]).sort(),
  );
  const ids = reports.flatMap(({ images }) => images.map(({ id }) => id));
  assertEquals(
    ids.sort((a, b) => a - b),
    [...Array(25).keys()].map((i) => i + 1),
  );
  assertEquals(
    reports.map(({ shard }) => shard),
    [0, 1, 2, 3].map((index) => ({ index, count: 4 })),
  );
  assertEquals(
    new Set(reports.map(({ list }) => list.digest)),
    new Set([await sha256(LIST)]),
  );
});

Deno.test("shard: an invalid line is warned of and counted by one part alone", async () => {
  await using pair = install(new Pair());
  let warned = 0;
  for (let i = 0; i < 3; i++) {
    const { stderr } = await pair.mirror(LIST, [`--shard=${i}/3`]);
    warned += stderr.split("\n")
      .filter((l) => l.includes("[WARN]") && l.includes(":26: ")).length;
  }
  assertEquals(warned, 1);
});

Deno.test("shard: a part without a line ends well, and says so", async () => {
  await using pair = install(new Pair());
  let empty = 0;
  for (let i = 0; i < 8; i++) {
    const { code, stderr } = await pair.mirror("corp/app0:v1", [
      `--shard=${i}/8`,
    ]);
    assertEquals(code, 0);
    if (!stderr.includes("there is nothing to do")) continue;
    empty++;
    assertMatch(stderr, /\[INFO\] shard \d\/8: no line of standard input/);
  }
  assertEquals(empty, 7);
  // A list without an image is a mistake in each part.
  const none = await pair.mirror("two words", ["--shard=0/8"]);
  assertEquals(none.code, 2);
});

Deno.test("shard: the index of the job, validate, and what is refused", async () => {
  await using pair = install(new Pair());
  for (let i = 0; i < 2; i++) {
    const env = { JOB_COMPLETION_INDEX: `${i}` };
    const flags = ["--shard=auto/2"];
    const list = "corp/app0:v1\ncorp/app1:v1\ncorp/app2:v1";
    const mirrored = await pair.mirror(list, flags, { env });
    assertEquals(mirrored.code, 0);
    const validated = await pair.validate(list, flags, { env });
    assertEquals(validated.code, 0);
    assertMatch(
      validated.stderr,
      new RegExp(`shard ${i}/2: (\\d of 3 lines|no line) of`),
    );
  }
  assertEquals(pair.destination.tags().length, 3);
  pair.destination.clear();
  pair.source.clear();
  for (const value of ["auto/2", "2/2", "x"]) {
    const { code, stderr } = await pair.mirror(LIST, [`--shard=${value}`]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "--shard");
    assertStringIncludes(stderr, value);
    assertEquals(stderr.trim().split("\n").length, 1);
  }
  assertEquals(pair.source.requests, []);
});

Deno.test("shard: nothing selected in one part is a warning, of the whole list an error", async () => {
  await using pair = install(new Pair());
  const list = "corp/app0:v1";
  const whole = await pair.mirror(list, ["--arch=s390x", "--shard=0/1"]);
  assertEquals(whole.code, 1);
  assertStringIncludes(whole.stderr, "[ERRO] nothing was selected");
  let warned = 0;
  for (let i = 0; i < 2; i++) {
    const { code, stderr } = await pair.mirror(list, [
      "--arch=s390x",
      `--shard=${i}/2`,
    ]);
    assertEquals(code, 0);
    if (stderr.includes("[WARN] nothing was selected")) warned++;
  }
  assertEquals(warned, 1);
});

Deno.test("shard: parts in one directory keep failed lists of their own", async () => {
  await using pair = install(new Pair());
  const main = new URL("../../main.ts", import.meta.url);
  const list = `${pair.directory}/images.txt`;
  // So many that each part has some of them.
  const lines = [...Array(40).keys()].map((i) => `corp/none${i}:v1`);
  await Deno.writeTextFile(list, lines.join("\n"));
  const codes = await Promise.all([0, 1].map(async (index) => {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", main.href, "mirror", "-f", list],
        `--source=http://${pair.source.host}`,
        `--destination=http://${pair.destination.host}`,
        `--shard=${index}/2`,
      ],
      cwd: pair.directory,
      stdout: "null",
      stderr: "null",
    }).output();
    return code;
  }));
  assertEquals(codes, [1, 1]);
  assertEquals(
    [...Deno.readDirSync(pair.directory)].map(({ name }) => name).sort(),
    ["images.txt", "mirror-failed-0-of-2.txt", "mirror-failed-1-of-2.txt"],
  );
});

Deno.test("shard: as an option of the library", async () => {
  await using pair = install(new Pair());
  const run = (index: number) =>
    mirror({
      images: ["corp/app0:v1", "corp/app1:v1", "corp/app2:v1"],
      source: `http://${pair.source.host}`,
      destination: `http://${pair.destination.host}`,
      credentials: false,
      shard: { index, count: 2 },
    });
  const [first, second] = [await run(0), await run(1)];
  assertEquals(first.images.length + second.images.length, 3);
  assertEquals(second.shard, { index: 1, count: 2 });
  const error = await run(2).catch((thrown) => thrown);
  assertEquals(error.code, "usage");
  assertStringIncludes(error.message, "for shard: there is no part 2 of 2");
});
