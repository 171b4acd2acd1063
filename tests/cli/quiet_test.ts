import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { makeImage } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

/** The levels of the log lines, and what they say. */
function linesOf(stderr: string): string[] {
  return stderr.trimEnd().split("\n").map((line) =>
    line.replace(/^\[.{8}\] /, "")
  );
}

for (const flag of ["-q", "--quiet", "--quiet=true"]) {
  Deno.test(`quiet: ${flag} logs the result alone`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", makeImage({ seed: "a" }));
    const { code, stdout, stderr } = await pair.mirror("corp/app:v1\n", [flag]);
    assertEquals([code, stdout], [0, ""]);
    const [summary, ...more] = linesOf(stderr);
    assertStringIncludes(summary!, "[INFO] Done: 1 copied,");
    assertEquals(more, []);
  });
}

Deno.test("quiet: warnings, errors and the recap are logged", async () => {
  await using pair = new Pair();
  const { code, stderr } = await pair.mirror("corp/none:v1\na b\n", [
    "--quiet",
    "--progress=plain",
  ]);
  assertEquals(code, 1);
  const levels = linesOf(stderr).map((line) => line.slice(0, 6));
  assertEquals(levels.filter((level) => level === "[INFO]").length, 0);
  assertStringIncludes(stderr, "[ERRO] Done: 0 copied,");
  assertStringIncludes(stderr, "[WARN] standard input:2: ");
  assertStringIncludes(stderr, "[ERRO] [IMG:1] Failed ");
  assertStringIncludes(stderr, "[ERRO] 1 image failed:");
  assertStringIncludes(
    stderr,
    "[ERRO] 1 line of the list failed:\n",
  );
  assertStringIncludes(stderr, "[ERRO] standard input:2: invalid line: ");
});

Deno.test("quiet: what a dry run would do is its result", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "a" }));
  const { stderr } = await pair.mirror("corp/app:v1\n", ["-q", "--dry-run"]);
  assertEquals(
    linesOf(stderr).map((line) => line.split(" ").slice(0, 4).join(" ")),
    ["[INFO] [IMG:1] Would copy", "[INFO] Dry run, nothing"],
  );
});

Deno.test("quiet: no display on a terminal either", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "a" }));
  const { stderr } = await pair.mirror("corp/app:v1\n", ["-q"], {
    terminal: { columns: 80, rows: 24 },
  });
  assertEquals(stderr.includes("\x1b["), false);
});

Deno.test("quiet: it contradicts --debug", async () => {
  for (const args of [["mirror", "-f-"], ["convert-list", "-i-"]]) {
    const { code, stderr } = await hangar([...args, "-q", "--debug"]);
    assertEquals(code, 2);
    assertEquals(
      stderr,
      "hangar: --debug logs more, --quiet less: give one of them\n",
    );
  }
});

Deno.test("log: --hide-log-time leaves the time out, of JSON too", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "a" }));
  const text = await pair.mirror("corp/app:v1\n", ["--hide-log-time"]);
  assertEquals(
    text.stderr.split("\n").map((line) => line.slice(0, 7)),
    ["[INFO] ", "[INFO] ", ""],
  );
  const json = await pair.mirror("corp/app:v1\n", [
    "--hide-log-time",
    "--log-format=json",
  ]);
  for (const line of json.stderr.trimEnd().split("\n")) {
    assertEquals(Object.keys(JSON.parse(line))[0], "level");
  }
});
