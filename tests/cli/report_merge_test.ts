import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import { hangar } from "../support/hangar.ts";
import { makeImage, makeMultiArch } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const isValid = new Ajv2020({ allErrors: true, validateFormats: false })
  .compile(JSON.parse(
    await Deno.readTextFile(
      new URL("../../docs/report.schema.json", import.meta.url),
    ),
  ));

const NAMES = [...Array(9).keys()].map((i) => `corp/app${i}`);
const LIST = [
  "# the team's images",
  "corp/none:v1",
  ...NAMES.map((name) => `${name}:v1`),
  "two words",
  "corp/gone:v1   # removed last year",
  "not a line",
].join("\n");

function install(pair: Pair): Pair {
  for (const name of NAMES) {
    pair.source.install(name, "v1", makeMultiArch(name, { layers: [300] }));
  }
  // An index of which a part is taken.
  pair.source.install(
    NAMES[0]!,
    "v1",
    makeMultiArch("more", { platforms: ["linux/amd64", "linux/s390x"] }),
  );
  return pair;
}

/** The reports of all parts, as files; gives their paths. */
async function shardReports(
  pair: Pair,
  count: number,
  list = LIST,
  flags: string[] = [],
): Promise<string[]> {
  const paths: string[] = [];
  for (let i = 0; i < count; i++) {
    const path = `${pair.directory}/${crypto.randomUUID()}.json`;
    await pair.mirror(list, [
      `--shard=${i}/${count}`,
      `--report=${path}`,
      ...flags,
    ]);
    paths.push(path);
  }
  return paths;
}

/** A report without times, and what depends on them and on the run's hosts. */
function comparable(json: string, pair: Pair): unknown {
  const text = json.replaceAll(pair.destination.host, "DESTINATION")
    .replaceAll(pair.source.host, "SOURCE");
  const inTime = /^(durationMs|startedAt|finishedAt|requests|peak|phases)$/;
  return JSON.parse(
    text,
    (key, value) => inTime.test(key) ? undefined : value,
  );
}

const merge = (...args: string[]) => hangar(["report", "merge", ...args]);

Deno.test("report merge: the reports of all parts give the report of one run, and its failed list", async () => {
  await using single = install(new Pair());
  const { code, stdout } = await single.mirror(LIST, ["--report=-"]);
  assertEquals(code, 1);
  await using pair = install(new Pair());
  const reports = await shardReports(pair, 4);
  const all = `${pair.directory}/all.json`;
  const failed = `${pair.directory}/all-failed.txt`;
  // In any order.
  const merged = await merge(
    ...reports.toReversed(),
    "-o",
    all,
    "--failed",
    failed,
  );
  assertEquals(merged.code, 0);
  const text = await Deno.readTextFile(all);
  assert(isValid(JSON.parse(text)), JSON.stringify(isValid.errors));
  assertEquals(comparable(text, pair), comparable(stdout, single));
  assertStringIncludes(merged.stderr, "9 copied");
  assertStringIncludes(merged.stderr, `4 lines failed; they are in ${failed}`);
  const lines = (await Deno.readTextFile(failed)).split("\n");
  const singleLines = (await Deno.readTextFile(single.failed)).split("\n");
  assertEquals(lines[0], singleLines[0]);
  assertStringIncludes(lines[0]!, "# hangar: the images of standard input");
  const ofImages = (text: readonly string[]) =>
    text.filter((line) => line && !line.startsWith("# "));
  assertEquals(ofImages(lines), [
    "corp/none:v1",
    "two words",
    "corp/gone:v1   # removed last year",
    "not a line",
  ]);
  assertEquals(ofImages(lines), ofImages(singleLines));
});

Deno.test("report merge: a clean run removes the stale failed list of the same list alone", async () => {
  await using pair = install(new Pair());
  const list = "corp/app1:v1\ncorp/app2:v1";
  const reports = await shardReports(pair, 2, list);
  const failed = `${pair.directory}/failed.txt`;
  const mark = (name: string) =>
    `# hangar: the images of ${name} that failed; pass this file back with --file\ncorp/x:v1\n`;
  await Deno.writeTextFile(failed, mark("standard input"));
  assertEquals((await merge(...reports, "--failed", failed)).code, 0);
  assertEquals(
    await Deno.stat(failed).catch(() => undefined),
    undefined,
  );
  await Deno.writeTextFile(failed, mark("other.txt"));
  assertEquals((await merge(...reports, "--failed", failed)).code, 0);
  assertEquals(await Deno.readTextFile(failed), mark("other.txt"));
});

Deno.test("report merge: the exit code in it is the worst, and that of a list without a selection", async () => {
  await using pair = install(new Pair());
  const list = "corp/app1:v1\ncorp/app2:v1\ncorp/app3:v1";
  const none = await shardReports(pair, 3, list, ["--arch=ppc64le"]);
  const joined = await merge(...none);
  assertEquals(joined.code, 0);
  assertEquals(JSON.parse(joined.stdout).exitCode, 1);
  const some = await shardReports(pair, 3, `${list}\ncorp/none:v1`);
  assertEquals(JSON.parse((await merge(...some)).stdout).exitCode, 1);
  const well = await shardReports(pair, 3, list);
  assertEquals(JSON.parse((await merge(...well)).stdout).exitCode, 0);
});

Deno.test("report merge: what are not all parts of one run is refused in one line", async () => {
  await using pair = install(new Pair());
  const [a, b, c] = await shardReports(pair, 3) as [string, string, string];
  const [x, y] = await shardReports(pair, 2) as [string, string];
  const other = await shardReports(pair, 3, "corp/app1:v1") as [
    string,
    ...string[],
  ];
  const change = async (path: string, to: (report: Changed) => unknown) => {
    const changed = `${pair.directory}/changed-${crypto.randomUUID()}.json`;
    const report: Changed = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(changed, JSON.stringify(to(report)));
    return changed;
  };
  const REFUSED: readonly [string[], string][] = [
    [[a, b], "the report of shard 2 of 3 is missing"],
    [[b], "the report of shard 0, 2 of 3 is missing"],
    [[a, b, c, b], `${b} and ${b} are both of shard 1/3`],
    [[a, b, other[2]!], `${other[2]} is of another list than ${a}`],
    [[a, y], `${y} is of another number of shards than ${a}: 2 instead of 3`],
    [
      [x, y, a],
      `${a} is of another number of shards than ${x}: 3 instead of 2`,
    ],
    [
      [a, b, await change(c, (r) => ({ ...r, command: "mirror validate" }))],
      "is of another command",
    ],
    [
      [a, b, await change(c, (r) => ({ ...r, dryRun: true }))],
      "a dry run of mirror instead of mirror",
    ],
    [
      [
        a,
        b,
        await change(c, (r) => ({
          ...r,
          invalidLines: [
            ...r.invalidLines as unknown[],
            { line: 99, text: "x", reason: "y" },
          ],
        })),
      ],
      "they are not parts of one run",
    ],
    [
      [a, b, await change(b, (r) => ({ ...r, shard: { index: 2, count: 3 } }))],
      "they are not parts of one run",
    ],
    [
      [a, b, await change(c, (r) => ({ ...r, shard: { index: 3, count: 3 } }))],
      "says that it is shard 3/3, which there is not",
    ],
    [
      [a, b, await change(c, (r) => ({ ...r, shard: undefined }))],
      "is the report of a whole list",
    ],
    [
      [a, b, await change(c, (r) => ({ ...r, list: undefined }))],
      "was written by an older hangar",
    ],
    [
      [a, b, await change(c, (r) => ({ ...r, schemaVersion: 2 }))],
      "is no report of hangar: schemaVersion is not one of 1",
    ],
    [[a, b, `${pair.directory}/absent.json`], "no such file"],
  ];
  for (const [paths, want] of REFUSED) {
    const { code, stderr, stdout } = await merge(...paths);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, want);
    assertEquals(stderr.trim().split("\n").length, 1);
    assertEquals(stdout, "");
  }
  // What is written never replaces what is read.
  for (const flag of ["--output", "--failed"]) {
    const { code, stderr } = await merge(a, b, c, `${flag}=${b}`);
    assertEquals(code, 2);
    assertStringIncludes(stderr, flag);
    assertStringIncludes(stderr, "it is the input file");
  }
  assertEquals((await merge()).code, 2);
});

type Changed = Record<string, unknown>;

Deno.test("report merge: the report of a whole list is a list of one part", async () => {
  await using pair = new Pair();
  pair.source.install("a/b", "v1", makeImage({ seed: "one" }));
  const path = `${pair.directory}/report.json`;
  await pair.mirror("a/b:v1", [`--report=${path}`]);
  const { code, stdout } = await merge(path);
  assertEquals(code, 0);
  assertEquals(
    comparable(stdout, pair),
    comparable(await Deno.readTextFile(path), pair),
  );
});
