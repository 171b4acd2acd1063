import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { makeImage, makeIndex } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const SIG = `sha256-${"a".repeat(64)}.sig`;

/** A pair whose source has these tags, each an image of its own. */
function pairWith(repository: string, tags: readonly string[]): Pair {
  const pair = new Pair();
  addTags(pair, repository, tags);
  return pair;
}

function addTags(pair: Pair, repository: string, tags: readonly string[]) {
  for (const tag of tags) {
    const image = makeImage({ seed: `${repository}:${tag}` });
    pair.source.install(repository, tag, makeIndex([image]));
  }
}

Deno.test("choosing: globs of both formats come to tags, and each repository is listed once", async () => {
  await using pair = pairWith("corp/app", ["1.0", "1.1", "2.0", "latest", SIG]);
  addTags(pair, "corp/db", ["9-alpine", "9", "10-alpine"]);
  const { code, stderr } = await pair.mirror(
    [
      "corp/app:1.*",
      "corp/app corp/copy {2.?,latest}",
      "corp/db:[0-9]-alpine",
    ].join("\n"),
  );
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags().sort(), [
    "corp/app:1.0",
    "corp/app:1.1",
    "corp/copy:2.0",
    "corp/copy:latest",
    "corp/db:9-alpine",
  ]);
  // Those who look for signatures need no listing of their own.
  for (const repository of ["corp/app", "corp/db"]) {
    assertEquals(pair.source.count({ kind: "tags", repository }), 1);
  }
  assertStringIncludes(
    stderr,
    "[INFO] standard input: 3 lines that choose came to 5 images",
  );
});

Deno.test("choosing: * never means the tags of signatures", async () => {
  await using pair = pairWith("corp/app", ["1.0", SIG]);
  const { code, stderr } = await pair.mirror("corp/app:*");
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags(), ["corp/app:1.0"]);
});

Deno.test("choosing: --newest keeps the newest of each line, and leaves exact lines alone", async () => {
  await using pair = pairWith("corp/app", ["1.9", "1.10", "1.8", "edge"]);
  addTags(pair, "corp/db", ["2024-01-15", "2023-12-31", "old"]);
  const list = "corp/app:*\ncorp/db:20*\ncorp/db:old";
  const { code, stderr } = await pair.mirror(list, ["--newest=1"]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags().sort(), [
    "corp/app:1.10",
    "corp/db:2024-01-15",
    "corp/db:old",
  ]);
});

Deno.test("choosing: a dry run shows the lines, and writes nothing", async () => {
  await using pair = pairWith("corp/app", ["1.0", "1.1"]);
  const { code, stderr } = await pair.mirror(
    "# comment\ncorp/app corp/copy 1.* # all",
    ["--dry-run"],
  );
  assertEquals(code, 0, stderr);
  for (const tag of ["1.0", "1.1"]) {
    assertStringIncludes(
      stderr,
      `standard input:2: corp/app corp/copy ${tag}\n`,
    );
  }
  assertEquals(pair.destination.tags(), []);
});

Deno.test("choosing: the failed list holds resolved lines, which are a list again", async () => {
  await using pair = pairWith("corp/app", ["1.0", "1.1", "1.2"]);
  const broken = pair.source.fault({
    match: { kind: "manifest", reference: "1.1" },
    action: { status: 403 },
  });
  const first = await pair.mirror("corp/app:1.*");
  assertEquals(first.code, 1, first.stderr);
  assertEquals(await pair.failedLines(), ["corp/app:1.1"]);
  broken();
  const again = await pair.mirror(await Deno.readTextFile(pair.failed));
  assertEquals(again.code, 0, again.stderr);
  assertEquals(pair.destination.tags().length, 3);
});

Deno.test("choosing: a repository that cannot be listed fails its lines and no others", async () => {
  await using pair = pairWith("corp/app", ["1.0"]);
  const { code, stderr } = await pair.mirror("corp/none:*\ncorp/app:1.0");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "standard input:1: cannot list the tags of");
  assertEquals(await pair.failedLines(), ["corp/none:*"]);
  assertEquals(pair.destination.tags(), ["corp/app:1.0"]);
});

Deno.test("choosing: nothing chosen is told, and nothing at all is a mistake", async () => {
  await using pair = pairWith("corp/app", ["1.0"]);
  const one = await pair.mirror("corp/app:9*\ncorp/app:1.0");
  assertEquals(one.code, 0, one.stderr);
  assertStringIncludes(
    one.stderr,
    "[WARN] standard input:1: no tag of corp/app:9* was chosen",
  );
  const none = await pair.mirror("corp/app:9*");
  assertEquals(none.code, 1, none.stderr);
  assertStringIncludes(none.stderr, "no tag was chosen");
});

Deno.test("choosing: validate chooses the same tags", async () => {
  await using pair = pairWith("corp/app", ["1.0", "1.1"]);
  await pair.mirror("corp/app:1.0");
  const { code, stderr } = await pair.validate("corp/app:1.*");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, `PASS: [${pair.source.host}/corp/app:1.0]`);
  assertEquals(await pair.failedLines(), ["corp/app:1.1"]);
});

Deno.test("choosing: a glob that cannot be understood is an invalid line", async () => {
  await using pair = pairWith("corp/app", ["1.0"]);
  const { code, stderr } = await pair.mirror("corp/app:[1\ncorp/app:1.0");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, 'standard input:1: invalid glob "[1"');
  assertEquals(await pair.failedLines(), ["corp/app:[1"]);
});

Deno.test("choosing: inspect list reports on the chosen tags", async () => {
  await using pair = pairWith("corp/app", ["1.0", "1.1", "2.0"]);
  const { code, stdout, stderr } = await hangar([
    "inspect",
    "list",
    "-f-",
    `--source=http://${pair.source.host}`,
    "-r-",
    `--failed=${pair.failed}`,
  ], { stdin: "corp/app:1.*" });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "corp/app:1.0");
  assertStringIncludes(stdout, "corp/app:1.1");
  assertEquals(stdout.includes("corp/app:2.0"), false);
});
