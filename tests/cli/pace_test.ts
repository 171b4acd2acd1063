/**
 * How many requests at once a registry is sent.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeMultiArch } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const IMAGES = 60;

function install(pair: Pair): string {
  const lines: string[] = [];
  for (let i = 0; i < IMAGES; i++) {
    pair.source.install(`corp/app-${i % 10}`, `v${i}`, makeMultiArch(`${i}`));
    lines.push(`corp/app-${i % 10}:v${i}`);
  }
  return lines.join("\n");
}

Deno.test("pace: a registry that answers 429 beyond eight at once refuses few requests, and gets every image", async () => {
  const latencyMs = 5;
  const maxAtOnce = 8;
  await using pair = new Pair({ latencyMs, maxAtOnce }, {
    latencyMs,
    maxAtOnce,
  });
  const list = install(pair);
  const report = `${pair.directory}/report.json`;
  const { code, stderr } = await pair.mirror(list, [
    "-j10",
    "--max-per-host=40",
    `--report=${report}`,
  ]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, `${IMAGES} copied`);
  const requests = [...pair.source.requests, ...pair.destination.requests];
  const refused = requests.filter(({ status }) => status === 429).length;
  assert(refused > 0, "the bound was never met");
  const share = refused / requests.length;
  assert(share <= 0.15, `${(100 * share).toFixed(1)} % refused`);
  const { hosts } = JSON.parse(await Deno.readTextFile(report));
  const known = hosts.map(({ host }: { host: string }) => host).sort();
  assertEquals(known, [pair.source.host, pair.destination.host].sort());
  for (const { peak, cuts } of hosts) {
    assert(peak >= 8 && peak <= 40, `${peak} at once`);
    assert(cuts > 0);
  }
});

Deno.test("pace: a registry that answers no slower is sent more and more at once", async () => {
  const latencyMs = 20;
  await using pair = new Pair({ latencyMs }, { latencyMs });
  const { code, stderr } = await pair.mirror(install(pair), ["-j20"]);
  assertEquals(code, 0, stderr);
  assert(
    pair.destination.maxConcurrent > 12,
    `${pair.destination.maxConcurrent} at once`,
  );
  assert(pair.destination.maxConcurrent <= 32);
});

Deno.test("pace: no more than --max-per-host are sent at once", async () => {
  await using pair = new Pair({ latencyMs: 5 }, { latencyMs: 5 });
  const { code, stderr } = await pair.mirror(install(pair), [
    "-j20",
    "--max-per-host=3",
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.maxConcurrent, 3);
  assert(pair.source.maxConcurrent <= 3);
});

Deno.test("pace: --debug says that a registry gets fewer requests", async () => {
  await using pair = new Pair({ maxAtOnce: 2, latencyMs: 20 });
  const image = makeMultiArch("one");
  pair.source.install("corp/app", "v1", image);
  const { code, stderr } = await pair.mirror("corp/app:v1", ["--debug"]);
  assertEquals(code, 0, stderr);
  assert(
    / refused a request, or did not answer: \d+ requests? at once/.test(stderr),
    stderr,
  );
});
