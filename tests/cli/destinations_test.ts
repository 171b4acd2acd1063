import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const dead = "127.0.0.1:1";

Deno.test("destinations: one that cannot be reached, and one that wants a login, fail their own images alone", async () => {
  await using pair = new Pair();
  await using closed = FakeRegistry.start({
    auth: { kind: "basic", username: "u", password: "p" },
  });
  const source = pair.source.host;
  pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  const list = [
    `${source}/corp/app ${dead}/corp/app v1`,
    `${source}/corp/app ${pair.destination.host}/corp/app v1`,
    `${source}/corp/app ${closed.host}/corp/app v1`,
  ];
  const { code, stderr } = await hangar(
    ["mirror", "-f-", `--failed=${pair.failed}`],
    { stdin: list.join("\n") },
  );
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, `cannot reach destination ${dead}: `);
  assertStringIncludes(stderr, `hangar login ${closed.host}`);
  assertEquals(pair.destination.tags(), ["corp/app:v1"]);
  assertEquals(await pair.failedLines(), [list[0], list[2]]);
});

Deno.test("destinations: the only one that cannot be reached is named with its side, and its lines are kept", async () => {
  await using pair = new Pair();
  const line = `${pair.source.host}/corp/app ${dead}/corp/app v1`;
  const { code, stderr } = await hangar(
    ["mirror", "-f-", `--failed=${pair.failed}`],
    { stdin: line },
  );
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, `cannot reach destination ${dead}: `);
  assertEquals(await pair.failedLines(), [line]);
});

Deno.test("recap: a run ends with the first twenty images that failed, and where the rest is", async () => {
  await using pair = new Pair();
  const list = Array.from({ length: 25 }, (_, i) => `corp/none${i}:v1`);
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j4"]);
  assertEquals(code, 1);
  const lines = stderr.trimEnd().split("\n");
  const start = lines.findIndex((line) => line.endsWith("25 images failed:"));
  const recap = lines.slice(start + 1, start + 21);
  assertEquals(
    recap.map((line) => /\[IMG:(\d+)\] (\S+): .*404/.exec(line)?.slice(1)),
    list.slice(0, 20).map((line, i) => [`${i + 1}`, line]),
  );
  assertStringIncludes(lines[start + 21]!, `and 5 more, in ${pair.failed}`);
  assertStringIncludes(lines[start + 22]!, "25 lines failed; they are in ");
  assertStringIncludes(lines[start + 23]!, "25 failed");
  assertEquals(lines.length, start + 24);
});
