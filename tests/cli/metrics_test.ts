import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { metricsText } from "../../src/report/metrics_text.ts";
import {
  MAX_REGISTRIES,
  RegistryCounts,
} from "../../src/report/run_metrics.ts";
import { Tally } from "../../src/report/summary.ts";
import { makeMultiArch } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const app = makeMultiArch("app", { layers: [3000] });

function install(pair: Pair): Pair {
  pair.source.install("corp/app", "v1", app);
  return pair;
}

/** The samples of a file, by metric and label block without the run's own. */
async function samples(path: string): Promise<Map<string, number>> {
  const text = await Deno.readTextFile(path);
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([a-z_]+)\{(.*)\} ([0-9.e+-]+)$/.exec(line);
    assert(match, line);
    const [, name, labels, value] = match;
    const own = labels!.split(",").filter((label) =>
      !/^(command|list|shard)=/.test(label)
    );
    found.set([name, ...own].join(" "), Number(value));
  }
  return found;
}

Deno.test("metrics: images by outcome, bytes, requests and the time of the success", async () => {
  await using pair = install(new Pair());
  const path = `${pair.directory}/hangar.prom`;
  const before = Math.floor(Date.now() / 1000);
  const { code } = await pair.mirror("corp/app:v1", [`--metrics=${path}`]);
  assertEquals(code, 0);
  const text = await Deno.readTextFile(path);
  assertMatch(text, /\{.*command="mirror",list="standard input".*\}/);
  const seen = await samples(path);
  assertEquals(seen.get('hangar_images outcome="copied"'), 1);
  assertEquals(seen.get('hangar_images outcome="failed"'), 0);
  assertEquals(seen.get("hangar_run_images"), 1);
  assertEquals(seen.get("hangar_run_success"), 1);
  assertEquals(seen.get("hangar_run_in_progress"), 0);
  assertEquals(
    seen.get(`hangar_sent_bytes registry="${pair.destination.host}"`),
    pair.destination.blobBytesReceived,
  );
  for (const { host, requests } of [pair.source, pair.destination]) {
    assertEquals(
      seen.get(`hangar_requests registry="${host}"`),
      requests.length,
    );
  }
  const last = seen.get("hangar_last_success_timestamp_seconds")!;
  assert(last >= before && last <= Date.now() / 1000);
  assertEquals(
    [...Deno.readDirSync(pair.directory)].map(({ name }) => name),
    ["hangar.prom"],
  );
});

Deno.test("metrics: a run that fails keeps the time of the last success of the same list", async () => {
  await using pair = install(new Pair());
  const path = `${pair.directory}/hangar.prom`;
  const name = "hangar_last_success_timestamp_seconds";
  const flags = [`--metrics=${path}`];
  const earlier = (labels: string) =>
    Deno.writeTextFile(path, `# HELP x\n${name}{${labels}} 1700000000\n`);
  await earlier('command="mirror",list="standard input"');
  const failed = await pair.mirror("corp/none:v1\nnot a line", flags);
  assertEquals(failed.code, 1);
  const seen = await samples(path);
  assertEquals(seen.get(name), 1700000000);
  assertEquals(seen.get("hangar_run_success"), 0);
  assertEquals(seen.get('hangar_images outcome="failed"'), 2);
  // Of another list, or with another shard, it says nothing.
  for (
    const labels of [
      'command="mirror",list="other.txt"',
      'command="mirror validate",list="standard input"',
      'command="mirror",list="standard input",shard="0/2"',
    ]
  ) {
    await earlier(labels);
    await pair.mirror("corp/none:v1", flags);
    assertEquals((await samples(path)).get(name), undefined, labels);
  }
  // What is there may be anything.
  await Deno.writeFile(path, new Uint8Array([0xff, 0xfe, 0, 1]));
  assertEquals((await pair.mirror("corp/app:v1", flags)).code, 0);
  assert((await samples(path)).get(name)! > 1700000000);
});

Deno.test("metrics: a run that stops before its images has not succeeded", async () => {
  await using pair = install(
    new Pair({ auth: { kind: "basic", username: "u", password: "p" } }),
  );
  const path = `${pair.directory}/hangar.prom`;
  const { code } = await pair.mirror("corp/app:v1", [`--metrics=${path}`], {
    env: { REGISTRY_AUTH_FILE: `${pair.directory}/none.json` },
  });
  assertEquals(code, 2);
  const seen = await samples(path);
  assertEquals(seen.get("hangar_run_success"), 0);
  assertEquals(seen.get("hangar_run_in_progress"), 0);
});

Deno.test("metrics: what cannot be written is told, and counts; contradictions are refused", async () => {
  await using pair = install(new Pair());
  const path = `${pair.directory}/out`;
  const refused: readonly (readonly [string[], string])[] = [
    [["--metrics=/nonexistent/x"], "--metrics"],
    [[`--metrics=${path}`, `--report=${path}`], "the report goes to the same"],
    [[`--metrics=${pair.failed}`], "the failed list goes to the same file"],
    [[`--metrics=${path}`, "--dry-run"], "--dry-run"],
  ];
  for (const [flags, want] of refused) {
    const { code, stderr } = await pair.mirror("corp/app:v1", flags);
    assertEquals(code, 2);
    assertStringIncludes(stderr, want);
  }
  assertEquals(pair.source.requests, []);
  if (Deno.build.os !== "linux") return;
  const full = await pair.mirror("corp/app:v1", ["--metrics=/dev/full"]);
  assertEquals(full.code, 1);
  assertStringIncludes(full.stderr, "cannot write the metrics /dev/full");
  assertEquals(pair.destination.tags(), ["corp/app:v1"]);
});

Deno.test("metrics: labels are bounded, and any list name makes valid text", async () => {
  const counts = new RegistryCounts();
  for (let i = 0; i < 1000; i++) {
    counts.sink({ type: "request", host: `cdn-${i}.example` });
  }
  const text = await metricsText({
    labels: { command: "mirror", list: 'a"b\\c\nd'.padEnd(5000, "x") },
    version: "1.2.3",
    startedAt: 1700000000,
    duration: 1.5,
    images: 1,
    totals: new Tally().totals(),
    registries: counts.registries,
  });
  const lines = text.split("\n")
    .filter((line) => line.startsWith("hangar_requests{"));
  assertEquals(lines.length, MAX_REGISTRIES + 1);
  const other = lines.filter((line) => line.includes('registry="other"'));
  assertMatch(other.join(), new RegExp(` ${1000 - MAX_REGISTRIES}$`));
  assertStringIncludes(text, 'list="a\\"b\\\\c d');
  assert(lines.every((line) => line.length < 400));
});
