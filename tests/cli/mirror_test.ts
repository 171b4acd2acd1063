import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { Pair } from "../support/pair.ts";
import { hangar } from "../support/hangar.ts";
import {
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiArch,
  randomBytes,
  sha256,
} from "../support/images.ts";

Deno.test("mirror: an image whose platforms are all selected keeps its digest", async () => {
  await using pair = new Pair();
  const app = makeMultiArch("app", { attestations: true });
  pair.source.install("corp/app", "v1", app);
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("corp/app", "v1"), app.digest);
  assertMatch(
    stderr,
    /^\[\d\d:\d\d:\d\d\] \[INFO\] \[IMG:1\] Copying \[127\.0\.0\.1:\d+\/corp\/app:v1\] => \[127\.0\.0\.1:\d+\/corp\/app:v1\]\n/,
  );
  assertMatch(
    stderr,
    /Done: 1 copied, 0 up to date, 0 skipped, 0 failed, .* sent, .* spared by mounting, .*s\n$/,
  );
});

Deno.test("mirror: cold, two platforms and nine blobs cost at most 48 requests; warm two", async () => {
  await using pair = new Pair();
  const base = randomBytes(900, "base");
  const app = makeIndex(
    ["linux/amd64", "linux/arm64"].map((platform) =>
      makeImage({ seed: platform, platform, layers: [base, 800, 700, 600] })
    ),
  );
  assertEquals(app.blobs.size, 9);
  pair.source.install("corp/app", "v1", app);
  const first = await pair.mirror("corp/app:v1", ["--remove-signatures"]);
  assertEquals(first.code, 0, first.stderr);
  const cold = pair.source.requests.length + pair.destination.requests.length;
  // The tag is looked at right before and after it is written; the login check
  // asks the destination once more than its ping.
  assert(cold <= 49, `${cold} requests`);
  assertEquals(
    pair.destination.blobBytesReceived,
    [...app.blobs.values()].reduce((n, b) => n + b.byteLength, 0),
  );
  pair.source.clear();
  pair.destination.clear();
  const { stderr } = await pair.mirror("corp/app:v1", [
    "--skip-login",
    "--remove-signatures",
  ]);
  assertStringIncludes(stderr, "1 up to date");
  assertEquals(
    [...pair.source.requests, ...pair.destination.requests]
      .map((r) => `${r.method} ${r.kind}`).sort(),
    ["GET manifest", "GET ping", "GET ping", "HEAD manifest"],
  );
});

Deno.test("mirror: a filtered image that is up to date costs three requests", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeMultiArch("app"));
  await pair.mirror("corp/app:v1", ["-a", "amd64"]);
  pair.source.clear();
  pair.destination.clear();
  const { stderr } = await pair.mirror("corp/app:v1", [
    "-a=amd64",
    "--skip-login",
    "--remove-signatures",
  ]);
  assertStringIncludes(stderr, "1 up to date");
  assertEquals(
    pair.source.requests.length + pair.destination.requests.length,
    3 + 2,
  );
});

Deno.test("mirror: a large blob is streamed, byte for byte", async () => {
  await using pair = new Pair({
    quirks: { relativeLocation: true, locationQuery: "_state=a%2Bb%3D%3D" },
  });
  const app = makeImage({ seed: "large", layers: [3_000_000] });
  pair.source.install("corp/app", "v1", app);
  const { code, stderr } = await pair.mirror("corp/app:v1", [
    "--verify=always",
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.count({ method: "PATCH" }), 1);
  assertEquals(pair.destination.digestOf("corp/app", "v1"), app.digest);
});

for (
  const [name, quirks, patches] of [
    ["411 to a stream", { refuseStream: 411 }, 3],
    ["413 to a stream", { refuseStream: 413 }, 3],
    ["chunks of at least 5 MiB", { refuseStream: 411, minChunk: 5 << 20 }, 2],
    ["bodies of at most 1 MiB", { maxBody: 1 << 20 }, 9],
  ] as const
) {
  Deno.test(`mirror: a registry that wants ${name} gets sized chunks`, async () => {
    await using pair = new Pair({ quirks });
    const app = makeImage({ seed: "large", layers: [9 << 20] });
    pair.source.install("corp/app", "v1", app);
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 0, stderr);
    assertEquals(pair.destination.digestOf("corp/app", "v1"), app.digest);
    const good = pair.destination.requests.filter((r) =>
      r.method === "PATCH" && r.status === 202 && r.bytesIn > 10_000
    );
    assert(good.length >= patches, `${good.length} chunks`);
  });
}

Deno.test("mirror: a blob that images share is sent once and mounted", async () => {
  // With some latency, or requests would hardly ever be under way together.
  await using pair = new Pair({ latencyMs: 5 }, { latencyMs: 5 });
  const base = randomBytes(50_000, "base");
  const list = [];
  for (let i = 0; i < 12; i++) {
    pair.source.install(
      `team/app-${i}`,
      "v1",
      makeImage({ seed: `app ${i}`, layers: [base, 100] }),
    );
    list.push(`team/app-${i}:v1`);
  }
  const { code, stderr } = await pair.mirror(list.join("\n"), [
    "-j8",
    "--max-per-host=6",
  ]);
  assertEquals(code, 0, stderr);
  const mounted = pair.destination.requests.filter((r) =>
    r.query.includes("mount=") && r.status === 201 &&
    // Not the one trial of a mount from the repository itself.
    new URLSearchParams(r.query).get("from") !== r.repository
  );
  assertEquals(mounted.length, 11);
  assertStringIncludes(stderr, "537.1 KiB spared by mounting");
  assertEquals(pair.destination.maxConcurrent, 6);
  assertEquals(pair.source.maxConcurrent, 6);
});

Deno.test("mirror: a registry that ignores mounts gets each blob once a repository", async () => {
  await using pair = new Pair({
    quirks: { ignoreMounts: true, ignoresPostDigest: true },
  });
  const base = randomBytes(50_000, "base");
  for (let i = 0; i < 6; i++) {
    pair.source.install(
      `team/app-${i}`,
      "v1",
      makeImage({ seed: `app ${i}`, layers: [base] }),
    );
  }
  const list = Array.from({ length: 6 }, (_, i) => `team/app-${i}:v1`);
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j6"]);
  assertEquals(code, 0, stderr);
  const uploads = pair.destination.requests.filter((r) =>
    r.method === "PUT" && r.kind === "upload"
  );
  assertEquals(uploads.length, 12);
});

Deno.test("mirror: on one registry, blobs are mounted from the source", async () => {
  await using pair = new Pair();
  const app = makeMultiArch("app");
  pair.source.install("corp/app", "v1", app);
  const host = pair.source.host;
  const { code, stderr } = await hangar([
    "mirror",
    "-f-",
    `--source=${host}`,
    `--destination=${host}`,
    "--destination-project=moved",
    `--failed=${pair.failed}`,
  ], { stdin: "corp/app:v1" });
  assertEquals(code, 0, stderr);
  assertEquals(pair.source.blobBytesReceived, 0);
  assertEquals(pair.source.digestOf("moved/app", "v1"), app.digest);
});

Deno.test("mirror: --arch amd64 then arm64 on one tag gives the source's own bytes", async () => {
  await using pair = new Pair();
  const app = makeMultiArch("app", { attestations: true });
  pair.source.install("corp/app", "v1", app);
  await pair.mirror("corp/app:v1", ["--arch", "x86_64"]);
  const [amd64, arm64, amd64Att, arm64Att] = pair.source.entries(
    "corp/app",
    "v1",
  );
  assertEquals(pair.destination.entries("corp/app", "v1"), [amd64, amd64Att]);
  await pair.mirror("corp/app:v1", ["--arch", "aarch64"]);
  assertEquals(pair.destination.digestOf("corp/app", "v1"), app.digest);
  await pair.mirror("corp/app:v1", ["--arch=arm64", "--overwrite"]);
  assertEquals(pair.destination.entries("corp/app", "v1"), [arm64, arm64Att]);
  await pair.mirror("corp/app:v1", [
    "--arch=arm64",
    "--overwrite=true",
    "--provenance=false",
  ]);
  assertEquals(pair.destination.entries("corp/app", "v1"), [arm64]);
});

Deno.test("mirror: --overwrite repairs a blob that is missing below a tag", async () => {
  await using pair = new Pair({ quirks: { ignoresPostDigest: true } });
  const app = makeMultiArch("app");
  pair.source.install("corp/app", "v1", app);
  const [lost = ""] = app.blobs.keys();
  pair.destination.install("corp/app", "v1", {
    ...app,
    blobs: new Map([...app.blobs].filter(([digest]) => digest !== lost)),
  });
  await pair.mirror("corp/app:v1");
  assert(!pair.destination.hasBlob("corp/app", lost));
  const { code, stderr } = await pair.mirror("corp/app:v1", ["--overwrite"]);
  assertEquals(code, 0, stderr);
  assert(pair.destination.hasBlob("corp/app", lost));
  assertEquals(
    pair.destination.requests.filter((r) =>
      r.method === "PUT" && r.kind === "upload"
    ).length,
    1,
  );
});

Deno.test("mirror: a single manifest joins other platforms in an index", async () => {
  await using pair = new Pair();
  const amd64 = makeImage({ seed: "a" });
  const arm64 = makeImage({ seed: "b", platform: "linux/arm64" });
  pair.source.install("corp/app-amd64", "v1", amd64);
  pair.source.install("corp/app-arm64", "v1", arm64);
  const run = (list: string) => pair.mirror(list);
  await run("corp/app-amd64 corp/app v1");
  assertEquals(pair.destination.digestOf("corp/app", "v1"), amd64.digest);
  await run("corp/app-arm64 corp/app v1");
  assertEquals(pair.destination.entries("corp/app", "v1"), [
    arm64.digest,
    amd64.digest,
  ]);
  const digest = pair.destination.digestOf("corp/app", "v1");
  const again = await run("corp/app-amd64 corp/app v1");
  assertStringIncludes(again.stderr, "1 up to date");
  assertEquals(pair.destination.digestOf("corp/app", "v1"), digest);
});

Deno.test("mirror: lines that share a destination tag are one unit", async () => {
  await using pair = new Pair();
  const amd64 = makeImage({ seed: "a" });
  const arm64 = makeImage({ seed: "b", platform: "linux/arm64" });
  pair.source.install("corp/app-amd64", "v1", amd64);
  pair.source.install("corp/app-arm64", "v1", arm64);
  const list =
    "corp/app-amd64 corp/app v1\ncorp/none\t corp/gone v1\ncorp/app-arm64 corp/app v1";
  const { code, stderr } = await pair.mirror(list);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "lines 1 and 3");
  assertEquals(pair.destination.entries("corp/app", "v1"), [
    amd64.digest,
    arm64.digest,
  ]);
  assertEquals(
    pair.destination.count({ method: "PUT", reference: "v1" }),
    1,
  );
  assertEquals(await pair.failedLines(), ["corp/none\t corp/gone v1"]);

  pair.source.fault({
    match: { repository: "corp/app-arm64" },
    action: { status: 403 },
  });
  const failed = await pair.mirror(list, ["--overwrite"]);
  assertEquals(failed.code, 1);
  assertEquals(await pair.failedLines(), list.split("\n"));
});

Deno.test("mirror: artifacts are pushed as they are, whatever the platforms asked for", async () => {
  await using pair = new Pair();
  const chart = makeArtifact("chart");
  pair.source.install("charts/app", "1.0.0", chart);
  pair.destination.install("charts/app", "1.0.0", makeMultiArch("old"));
  const { code } = await pair.mirror("charts/app:1.0.0", ["--arch=s390x"]);
  assertEquals(code, 0);
  assertEquals(pair.destination.digestOf("charts/app", "1.0.0"), chart.digest);
});

Deno.test("mirror: a run in which nothing at all is selected says why, and is no success", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeMultiArch("app"));
  pair.source.install("corp/one", "v1", makeImage({ seed: "one" }));
  const { code, stderr } = await pair.mirror("corp/app:v1\ncorp/one:v1", [
    "--arch",
    "s390x",
  ]);
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    "[ERRO] nothing was selected of any image: wanted linux/s390x; there is linux/amd64, linux/arm64",
  );
  assertEquals(
    stderr.match(/\[WARN\] .* no available image for specified arch and os/g)
      ?.length,
    2,
  );
  assertStringIncludes(stderr, "2 skipped");
  assertEquals(pair.destination.tags(), []);
});

Deno.test("mirror: nothing selected of one image among others is a warning", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeMultiArch("app"));
  const platforms = ["linux/s390x"];
  pair.source.install("corp/z", "v1", makeMultiArch("z", { platforms }));
  const { code, stderr } = await pair.mirror("corp/app:v1\ncorp/z:v1", [
    "--platform=linux/s390x",
  ]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    "[WARN] [IMG:1] no available image for specified arch and os: wanted linux/s390x; there is linux/amd64, linux/arm64",
  );
  assertStringIncludes(stderr, "1 copied, 0 up to date, 1 skipped");
});

Deno.test("mirror: an entry without platform is judged by its config", async () => {
  await using pair = new Pair();
  const images = ["linux/amd64", "linux/s390x"].map((platform) =>
    makeImage({ seed: platform, platform })
  );
  pair.source.install(
    "corp/app",
    "v1",
    makeIndex(images, { withoutPlatforms: true }),
  );
  await pair.mirror("corp/app:v1");
  assertEquals(pair.destination.entries("corp/app", "v1"), [
    images[0]!.digest,
  ]);
});

Deno.test("mirror: a nested index is taken whole when anything inside is selected", async () => {
  await using pair = new Pair();
  const inner = makeMultiArch("inner", {
    platforms: ["linux/amd64", "linux/s390x"],
  });
  const other = makeMultiArch("other", { platforms: ["linux/s390x"] });
  pair.source.install("corp/app", "v1", makeIndex([inner, other]));
  const { code, stderr } = await pair.mirror("corp/app:v1", ["-a", "amd64"]);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.entries("corp/app", "v1"), [inner.digest]);
  assertEquals(pair.destination.entries("corp/app", inner.digest).length, 2);
});

Deno.test("mirror: schema 1 is refused with a line that says what to do", async () => {
  await using pair = new Pair();
  const bytes = new TextEncoder().encode('{"schemaVersion":1,"fsLayers":[]}');
  const old = {
    bytes,
    mediaType: "application/vnd.docker.distribution.manifest.v1+prettyjws",
    digest: sha256(bytes),
  };
  pair.source.install("corp/old", "v1", {
    ...old,
    manifests: [old],
    blobs: new Map(),
  });
  const { code, stderr } = await pair.mirror("corp/old:v1");
  assertEquals(code, 1);
  assertMatch(stderr, /\[ERRO\] .*schema 1.*rebuild the image, or pull/);
});

Deno.test("mirror: foreign layers are copied only where the destination wants them", async () => {
  const app = makeImage({
    seed: "win",
    platform: "windows/amd64",
    foreignLayer: true,
  });
  const layer = randomBytes(10, "win foreign");
  const withLayer = {
    ...app,
    blobs: new Map([...app.blobs, [sha256(layer), layer]]),
  };
  for (const wantForeignLayers of [false, true]) {
    await using pair = new Pair({ quirks: { wantForeignLayers } });
    pair.source.install("corp/win", "v1", withLayer);
    const { code, stderr } = await pair.mirror("corp/win:v1", ["--os=windows"]);
    assertEquals(code, 0, stderr);
    assertEquals(
      pair.destination.hasBlob("corp/win", sha256(layer)),
      wantForeignLayers,
    );
  }
});

for (const status of [401, 403, 500]) {
  Deno.test(`mirror: ${status} to the read of the destination's tag fails the image and leaves the tag`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", makeMultiArch("app"));
    const old = makeMultiArch("old");
    pair.destination.install("corp/app", "v1", old);
    pair.destination.fault({
      match: { method: "GET", kind: "manifest", reference: "v1" },
      action: { status },
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1);
    assertMatch(
      stderr,
      new RegExp(`cannot read tag v1 from destination .*: ${status} UNKNOWN`),
    );
    assertEquals(pair.destination.digestOf("corp/app", "v1"), old.digest);
    assertEquals(pair.destination.count({ method: "PUT" }), 0);
  });
}

Deno.test("mirror: a flipped byte fails its image alone, and the failed list finishes the job", async () => {
  await using pair = new Pair();
  const bad = makeImage({ seed: "bad", layers: [900_000, 100] });
  pair.source.install("corp/bad", "v1", bad);
  pair.source.install("corp/good", "v1", makeMultiArch("good"));
  const damaged =
    [...bad.blobs].find(([, bytes]) => bytes.length > 800_000)![0];
  pair.source.flip(damaged);
  const first = await pair.mirror("corp/bad:v1 # keep me\ncorp/good:v1\n");
  assertEquals(first.code, 1);
  assertMatch(
    first.stderr,
    new RegExp(
      `cannot read blob ${damaged} from source .*content has digest sha256:[0-9a-f]{64}, want ${damaged}`,
    ),
  );
  assertEquals(pair.destination.tags(), ["corp/good:v1"]);
  assertEquals(await pair.failedLines(), ["corp/bad:v1 # keep me"]);

  pair.source.flip(damaged);
  const second = await hangar([
    "mirror",
    `-f=${pair.failed}`,
    `-s=${pair.source.host}`,
    `-d=${pair.destination.host}`,
    `-o=${pair.directory}/again.txt`,
  ]);
  assertEquals(second.code, 0, second.stderr);
  assertEquals(pair.destination.tags(), ["corp/bad:v1", "corp/good:v1"]);
});

Deno.test("mirror: a clean run removes a stale failed list, and only one of its own", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  await pair.mirror("corp/none:v1");
  assertEquals(await pair.failedLines(), ["corp/none:v1"]);
  await pair.mirror("corp/app:v1");
  assertEquals(await Deno.stat(pair.failed).catch(() => "gone"), "gone");
  await Deno.writeTextFile(pair.failed, "mine\n");
  await pair.mirror("corp/app:v1");
  assertEquals(await Deno.readTextFile(pair.failed), "mine\n");
});

Deno.test("mirror: an invalid line is named by file and number, and counts as failed", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  const { code, stderr } = await pair.mirror("corp/app:v1\n\ntwo fields\n");
  assertEquals(code, 1);
  assertMatch(stderr, /\[WARN\] standard input:3: .*2 fields/);
  assertEquals(await pair.failedLines(), ["two fields"]);
});

Deno.test("mirror: temporary faults are retried", async () => {
  await using pair = new Pair();
  const app = makeImage({ seed: "app", layers: [700_000] });
  pair.source.install("corp/app", "v1", app);
  const [blob = ""] = app.blobs.keys();
  pair.source.fault({
    match: { kind: "blob", reference: blob, method: "GET" },
    times: 1,
    action: { breakAfter: 300_000 },
  });
  pair.source.fault({
    match: { kind: "manifest" },
    times: 1,
    action: { status: 503 },
  });
  pair.destination.fault({
    match: { kind: "upload", method: "POST" },
    times: 1,
    action: { status: 429, headers: { "retry-after": "0" } },
  });
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("corp/app", "v1"), app.digest);
});

Deno.test("mirror: --timeout bounds an image, and its blobs go to the next that waits", async () => {
  await using pair = new Pair();
  const { source, destination } = pair;
  const base = sha256(randomBytes(1000, "base"));
  for (const seed of ["a", "slow", "b"]) {
    const layers = seed === "slow" ? [10] : [randomBytes(1000, "base")];
    source.install(`corp/${seed}`, "v1", makeImage({ seed, layers }));
  }
  source.fault({
    match: { repository: "corp/a", kind: "blob", reference: base },
    action: { stall: true },
  });
  // So that b begins later than a, and ends later by its own --timeout.
  source.fault({
    match: { repository: "corp/slow", kind: "manifest" },
    times: 1,
    action: { delayMs: 800 },
  });
  const list = "corp/a:v1\ncorp/slow:v1\ncorp/b:v1";
  const { code, stderr } = await pair.mirror(list, ["-j2", "--timeout=1500ms"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "not finished within the --timeout of 1.5 s");
  assertEquals(await pair.failedLines(), ["corp/a:v1"]);
  assertEquals(destination.tags(), ["corp/b:v1", "corp/slow:v1"]);
  const [first, second, ...more] = source.requests.filter((r) =>
    r.kind === "blob" && r.reference === base
  );
  assertEquals(first?.repository, "corp/a");
  assertEquals(second?.repository, "corp/b");
  assertEquals(more, []);
  // It waited for the end of a, not only for its own turn.
  assert(second!.at - first!.at > 1100);
});

Deno.test("mirror: Ctrl-C leaves no dangling tag, and the unfinished lines in the failed list", async () => {
  await using pair = new Pair({ latencyMs: 5 });
  const list = Array.from({ length: 20 }, (_, i) => `corp/app-${i}:v1`);
  for (const [i, line] of list.entries()) {
    pair.source.install(
      line.split(":")[0]!,
      "v1",
      makeMultiArch(`app ${i}`),
    );
  }
  let interrupt = () => {};
  // In JSON, each result is a line.
  const flags = ["-j4", "--log-format=json"];
  const { code, stderr } = await pair.mirror(list.join("\n"), flags, {
    onStart: (callback) => interrupt = callback,
    onStderr: (text) => {
      if (text.includes("Copied")) interrupt();
    },
  });
  assertEquals(code, 130);
  const done = pair.destination.tags();
  assert(done.length > 0 && done.length < 20);
  // A tag may have been on its way: complete, and in the list all the same.
  const failed = await pair.failedLines();
  assertEquals([...new Set([...done, ...failed])].sort(), [...list].sort());
  assert(failed.length > 0);
  assertMatch(stderr, /Done: \d+ copied, .* \d+ interrupted/);
  assertMatch(stderr, /\d+ lines? not done; (it is|they are) in /);
});

Deno.test("mirror: Ctrl-C while the destination is asked for a login loses no line", async () => {
  await using pair = new Pair();
  pair.destination.fault({ match: { kind: "ping" }, action: { stall: true } });
  const { code } = await pair.mirror("corp/app:v1\ncorp/b:v1", [], {
    onStart: (interrupt) => setTimeout(interrupt, 50),
  });
  assertEquals(code, 130);
  assertEquals(await pair.failedLines(), ["corp/app:v1", "corp/b:v1"]);
});

const LOGIN = { kind: "bearer", username: "ann", password: "pw" } as const;

async function authFile(pair: Pair, entries: Record<string, string>) {
  const path = `${pair.directory}/auth.json`;
  const auths = Object.fromEntries(
    Object.entries(entries).map(([key, value]) => [key, { auth: btoa(value) }]),
  );
  await Deno.writeTextFile(path, JSON.stringify({ auths }));
  return { REGISTRY_AUTH_FILE: path };
}

Deno.test("mirror: one token per scope serves all workers", async () => {
  await using pair = new Pair({ auth: LOGIN }, {
    auth: { ...LOGIN, anonymousPull: true },
  });
  const list = [];
  for (let i = 0; i < 4; i++) {
    for (const tag of ["v1", "v2"]) {
      pair.source.install(`corp/app-${i}`, tag, makeMultiArch(`${i} ${tag}`));
      list.push(`corp/app-${i}:${tag}`);
    }
  }
  const env = await authFile(pair, { [pair.destination.host]: "ann:pw" });
  const { code, stderr } = await pair.mirror(list.join("\n"), ["-j8"], { env });
  assertEquals(code, 0, stderr);
  assertEquals(pair.source.count({ kind: "token" }), 4);
  // Four repositories, and one without scope for the login check.
  assertEquals(pair.destination.count({ kind: "token" }), 4 + 1);
  // Asked for before the first refusal: no 401 but for the pings.
  assertEquals(
    pair.destination.requests.filter((r) =>
      r.status === 401 && r.kind !== "ping"
    ).length,
    0,
  );
});

Deno.test("mirror: a destination that wants credentials stops the run before any image", async () => {
  await using pair = new Pair({ auth: LOGIN });
  pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  const missing = await pair.mirror("corp/app:v1");
  assertEquals(missing.code, 2);
  assertStringIncludes(
    missing.stderr,
    `hangar login ${pair.destination.host}`,
  );
  const env = await authFile(pair, { [pair.destination.host]: "ann:wrong" });
  const refused = await pair.mirror("corp/app:v1", [], { env });
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "refuses the credentials");
  assert(!refused.stderr.includes("wrong"));
  assertEquals(pair.source.requests.length, 0);
});

Deno.test("mirror: credentials go to their registry and realm alone, never along a redirect", async () => {
  await using elsewhere = FakeRegistry.start();
  await using pair = new Pair({}, { auth: { ...LOGIN, kind: "basic" } });
  const app = makeImage({ seed: "app" });
  pair.source.install("corp/app", "v1", app);
  elsewhere.install("cdn/app", undefined, app);
  for (const digest of app.blobs.keys()) {
    pair.source.fault({
      match: { method: "GET", kind: "blob", reference: digest },
      action: {
        status: 307,
        headers: { location: `${elsewhere.url}/v2/cdn/app/blobs/${digest}` },
      },
    });
  }
  const env = await authFile(pair, { [pair.source.host]: "ann:pw" });
  const { code, stderr } = await pair.mirror("corp/app:v1", [], { env });
  assertEquals(code, 0, stderr);
  assert(elsewhere.requests.length >= app.blobs.size);
  assertEquals(
    elsewhere.requests.filter((r) => r.authorization !== undefined),
    [],
  );
});

Deno.test("mirror: a token realm on a foreign plain-HTTP origin gets no credentials", async () => {
  await using realm = FakeRegistry.start({
    auth: { ...LOGIN, anonymousPull: true },
  });
  await using pair = new Pair({}, {
    auth: { ...LOGIN, realm: `${realm.url}/token` },
  });
  pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  const env = await authFile(pair, { [pair.source.host]: "ann:pw" });
  const { code } = await pair.mirror("corp/app:v1", [], { env });
  assertEquals(code, 1);
  assert(realm.count({ kind: "token" }) > 0);
  assertEquals(realm.requests.filter((r) => r.authorization), []);
});

for (
  const [why, location] of [
    ["another scheme", "file:///etc/passwd"],
    ["a link-local address", "http://169.254.169.254/latest"],
    ["nonsense", "http://["],
  ] as const
) {
  Deno.test(`mirror: a redirect to ${why} is not followed`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
    pair.source.fault({
      match: { method: "GET", kind: "blob" },
      action: { status: 307, headers: { location } },
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1);
    assertMatch(stderr, /points to .*(not followed|followed|not a URL)/);
    assertEquals(pair.destination.tags(), []);
  });
}

Deno.test("mirror: a registry's message cannot steer the terminal", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  pair.destination.fault({
    match: { kind: "manifest" },
    action: { status: 403, code: "DENIED", message: "\x1b[2Jgone\r\nnew line" },
  });
  const { stderr } = await pair.mirror("corp/app:v1");
  assertStringIncludes(stderr, "DENIED: [2Jgone new line");
  assert(!stderr.includes("\x1b"));
});

Deno.test("mirror: one registry with many images made up on demand, then all up to date", async () => {
  await using pair = new Pair({}, {
    synthesize: (repository, tag) =>
      makeImage({ seed: `${repository}:${tag}`, layers: [200] }),
  });
  const list = Array.from(
    { length: 150 },
    (_, i) => `up/image-${i % 50} mirrored/image-${i % 50} v${i}`,
  ).join("\n");
  const first = await pair.mirror(list, ["-j16"]);
  assertEquals(first.code, 0, first.stderr.slice(-500));
  assertEquals(pair.destination.tags().length, 150);
  const second = await pair.mirror(list, ["-j16"]);
  assertStringIncludes(second.stderr, "0 copied, 150 up to date");
});

Deno.test("--missing: a repository that does not exist has no tags, and each is copied", async () => {
  await using pair = new Pair();
  for (const tag of ["v1", "v2"]) {
    pair.source.install("corp/app", tag, makeImage({ seed: tag }));
  }
  const { code, stderr } = await pair.mirror("corp/app:v1\ncorp/app:v2", [
    "--missing",
  ]);
  assertEquals(code, 0, stderr);
  assert(!stderr.includes("[WARN]"), stderr);
  assertEquals(pair.destination.count({ kind: "tags" }), 1);
  assertEquals(pair.destination.tags(), ["corp/app:v1", "corp/app:v2"]);
});

Deno.test("--missing: what is there is left alone, unseen, for one listing a repository", async () => {
  await using pair = new Pair({ tagPageSize: 2 });
  const list: string[] = [];
  for (let i = 0; i < 6; i++) {
    const name = `corp/app-${i % 2}`;
    pair.source.install(name, `v${i}`, makeImage({ seed: `${i}` }));
    list.push(`${name}:v${i}`);
  }
  const old = makeImage({ seed: "old" });
  pair.destination.install("corp/app-0", "v0", old);
  pair.destination.install("corp/app-0", "aaa", old);
  const run = () =>
    pair.mirror(list.join("\n"), ["--missing", "--skip-login", "-j3"]);
  const first = await run();
  assertEquals(first.code, 0, first.stderr);
  assertStringIncludes(first.stderr, "5 copied");
  assertStringIncludes(first.stderr, "1 there already");
  assertEquals(pair.destination.digestOf("corp/app-0", "v0"), old.digest);
  pair.source.clear();
  pair.destination.clear();
  const again = await run();
  assertStringIncludes(again.stderr, "6 there already");
  const told = (stderr: string, text: string) =>
    stderr.split("\n").filter((line) => line.includes(text)).length;
  assertEquals(told(first.stderr, "] Copying ["), 5);
  assertEquals(told(first.stderr, "] There already ["), 1);
  assertEquals(told(again.stderr, "] Copying ["), 0);
  assertEquals(told(again.stderr, "] There already ["), 6);
  assertEquals(pair.source.requests, []);
  assertEquals(
    pair.destination.requests.map((r) => r.kind).sort(),
    ["ping", "tags", "tags", "tags", "tags"],
  );
  const valid = await pair.validate(`${list.join("\n")}\ncorp/none:v1`, [
    "--missing",
  ]);
  assertEquals(valid.code, 1);
  assertStringIncludes(valid.stderr, "6 passed");
  assertStringIncludes(valid.stderr, "missing: v1");
});

Deno.test("--missing: where tags cannot be listed each is looked for, with one warning", async () => {
  await using pair = new Pair({ quirks: { tagsStatus: 403 } });
  const app = makeImage({ seed: "app" });
  for (const tag of ["v1", "v2"]) {
    pair.source.install("corp/app", tag, app);
  }
  pair.destination.install("corp/app", "v1", app);
  const { code, stderr } = await pair.mirror("corp/app:v1\ncorp/app:v2", [
    "--missing",
  ]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "1 copied");
  assertStringIncludes(stderr, "1 there already");
  assertEquals(stderr.match(/destination.*cannot be listed/g)?.length, 1);
});

Deno.test("--missing: with --overwrite it is refused", async () => {
  await using pair = new Pair();
  const { code, stderr } = await pair.mirror("corp/app:v1", [
    "--missing",
    "--overwrite",
  ]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "give one of them");
});
