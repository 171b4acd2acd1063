import { assertEquals, assertStringIncludes } from "@std/assert";
import type { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  makeImage,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

/** Requests that were sent more than once, and how often. */
function repeated(
  registry: FakeRegistry,
  kinds: readonly string[] = ["manifest", "referrers"],
): [string, number][] {
  const counts = new Map<string, number>();
  for (const { method, path, kind } of registry.requests) {
    if (!kinds.includes(kind)) continue;
    const key = `${method} ${path}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].filter(([, times]) => times > 1);
}

/** Mirrors a list whose lines say where they come from and go to. */
async function mirror(pair: Pair, lines: string[], flags: string[] = []) {
  return await hangar([
    "mirror",
    "-f-",
    `--failed=${pair.failed}`,
    ...flags,
  ], { stdin: lines.join("\n") });
}

Deno.test("repeated sources: three lines with one source ask it once, cold and up to date", async () => {
  await using pair = new Pair({ referrers: true }, { referrers: true });
  const { source, destination } = pair;
  const app = makeMultiArch("app");
  const sbom = makeReferrer(app, "sbom");
  source.install("corp/app", "v1", app);
  source.install("corp/app", undefined, sbom);
  const lines = ["one", "two", "three"].map((to) =>
    `${source.host}/corp/app ${destination.host}/${to}/app v1`
  );
  for (const jobs of ["-j1", "-j3"]) {
    for (const outcome of ["3 copied", "3 up to date"]) {
      source.clear();
      const { code, stderr } = await mirror(pair, lines, [
        jobs,
        ...jobs === "-j3" && outcome === "3 copied" ? ["--overwrite"] : [],
      ]);
      assertEquals(code, 0, stderr);
      if (jobs === "-j1") assertStringIncludes(stderr, outcome);
      assertEquals(repeated(source), []);
    }
  }
  for (const to of ["one/app", "two/app", "three/app"]) {
    assertEquals(destination.digestOf(to, "v1"), app.digest);
    assertEquals(
      destination.referrersOf(to, app.digest).map(({ digest }) => digest),
      [sbom.digest],
    );
  }
});

Deno.test("repeated sources: tags that share a digest ask for its referrers once", async () => {
  await using pair = new Pair({ referrers: true }, { referrers: true });
  const app = makeMultiArch("app");
  const tags = ["1", "1.2", "1.2.3", "latest"];
  for (const tag of tags) pair.source.install("corp/app", tag, app);
  const list = tags.map((tag) => `corp/app:${tag}`).join("\n");
  assertEquals((await pair.mirror(list)).code, 0);
  pair.source.clear();
  const { code, stderr } = await pair.mirror(list, ["-j4"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "4 up to date");
  // The index and its two images.
  assertEquals(pair.source.count({ kind: "referrers" }), 3);
});

Deno.test("repeated sources: a signature of one of them reaches every destination", async () => {
  await using pair = new Pair();
  const { source, destination } = pair;
  const app = makeImage({ seed: "app" });
  const signatures = makeSignatures(app.digest, ["one"]);
  const tag = `${app.digest.replace(":", "-")}.sig`;
  source.install("corp/app", "v1", app);
  const lines = ["one", "two"].map((to) =>
    `${source.host}/corp/app ${destination.host}/${to}/app v1`
  );
  assertEquals((await mirror(pair, lines)).code, 0);
  // Both are up to date, but for what was signed since.
  source.install("corp/app", tag, signatures);
  const { code, stderr } = await mirror(pair, lines);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "2 up to date");
  for (const to of ["one/app", "two/app"]) {
    assertEquals(destination.digestOf(to, tag), signatures.digest);
  }
});

Deno.test("repeated sources: a repository that the run writes to is asked anew", async () => {
  await using pair = new Pair({ referrers: true }, { referrers: true });
  const { source, destination: { host } } = pair;
  const before = makeImage({ seed: "before" });
  const after = makeImage({ seed: "after" });
  pair.destination.install("middle/app", "v1", before);
  source.install("corp/app", "v1", after);
  // The same repository is read, written, and read again.
  const { code, stderr } = await mirror(pair, [
    `${host}/middle/app ${host}/first/app v1`,
    `${source.host}/corp/app ${host}/middle/app v1`,
    `${host}/middle/app ${host}/last/app v1`,
  ], ["-j1", "--overwrite"]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("first/app", "v1"), before.digest);
  assertEquals(pair.destination.digestOf("last/app", "v1"), after.digest);
});

Deno.test("repeated sources: an answer that failed is asked for again by the next line", async () => {
  await using pair = new Pair();
  const { source, destination } = pair;
  source.install("corp/app", "v1", makeImage({ seed: "app" }));
  source.fault({
    match: { kind: "manifest", method: "HEAD" },
    times: 3,
    action: { status: 500 },
  });
  const lines = ["one", "two"].map((to) =>
    `${source.host}/corp/app ${destination.host}/${to}/app v1`
  );
  const { code, stderr } = await mirror(pair, lines, ["-j1"]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "1 copied");
  assertStringIncludes(stderr, "1 failed");
  assertEquals(await pair.failedLines(), [lines[0]]);
});

Deno.test("repeated sources: where there is no referrers API, one request shows it, however many images wait", async () => {
  await using pair = new Pair({}, { latencyMs: 5 });
  const list = Array.from({ length: 12 }, (_, i) => {
    pair.source.install(`corp/app-${i}`, "v1", makeMultiArch(`${i}`));
    return `corp/app-${i}:v1`;
  });
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j12"]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.source.count({ kind: "referrers" }), 1);
});
