import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import type { MirrorReport } from "../../src/report/json_report.ts";
import { readReport } from "../../src/report/read_report.ts";
import { hangar } from "../support/hangar.ts";
import {
  makeImage,
  makeMultiArch,
  makeSignatures,
  randomBytes,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const schema = JSON.parse(
  await Deno.readTextFile(
    new URL("../../docs/report.schema.json", import.meta.url),
  ),
);
const isValid = new Ajv2020({ allErrors: true, validateFormats: false })
  .compile(schema);

function parse(text: string): MirrorReport {
  const report: MirrorReport = JSON.parse(text);
  const valid: boolean = isValid(report);
  assert(valid, JSON.stringify(isValid.errors));
  return report;
}

const base = randomBytes(20_000, "base");
const app = makeMultiArch("app", { layers: [base, 500] });
const other = makeMultiArch("other", { layers: [base, 400] });
const LIST = "corp/app:v1\ncorp/other:v1\ncorp/none:v1\nnot a list line at all";

function install(pair: Pair): Pair {
  pair.source.install("corp/app", "v1", app);
  pair.source.install("corp/other", "v1", other);
  return pair;
}

Deno.test("report: each image with digests, bytes, requests and its error", async () => {
  await using pair = install(new Pair());
  const { code, stdout } = await pair.mirror(LIST, ["--report=-"]);
  assertEquals(code, 1);
  const report = parse(stdout);
  assertEquals(report.command, "mirror");
  assertEquals(report.exitCode, 1);
  const [first, second, third] = report.images;
  assertEquals(first!.outcome, "copied");
  assertEquals(first!.sources[0]!.digest, app.digest);
  assertEquals(first!.destination, {
    reference: `${pair.destination.host}/corp/app:v1`,
    digest: app.digest,
  });
  assertEquals(second!.bytesMounted, base.byteLength);
  assertEquals(
    first!.bytesSent + second!.bytesSent,
    pair.destination.blobBytesReceived,
  );
  assertEquals(third!.error?.code, "not-found");
  assertEquals(third!.error?.status, 404);
  assertEquals(third!.lines, [3]);
  assertEquals(report.invalidLines.map(({ line, text }) => [line, text]), [
    [4, "not a list line at all"],
  ]);
  assertEquals(report.totals.failed, 2);
  // Every request is some image's, but for those of the login check.
  const all = pair.source.requests.length + pair.destination.requests.length;
  assertEquals(report.totals.requests, all);
  const blamed = report.images.reduce((sum, image) => sum + image.requests, 0);
  assert(blamed >= all - 3 && blamed <= all, `${blamed} of ${all}`);
});

Deno.test("report: when each image ran, in which phases, and what it has", async () => {
  await using pair = install(new Pair());
  const { stdout } = await pair.mirror(LIST, ["--report=-"]);
  const report = parse(stdout);
  const [first, , third] = report.images;
  const begun = Date.parse(first!.startedAt!);
  assert(begun >= Date.parse(report.startedAt));
  assert(begun + first!.durationMs <= Date.parse(report.finishedAt) + 1);
  const sum = Object.values(first!.phases!).reduce((a, b) => a + b, 0);
  assert(
    Math.abs(sum - first!.durationMs) <= 5,
    `${sum} of ${first!.durationMs}`,
  );
  assert(first!.phases!.checking! > 0 && first!.phases!.copying! > 0);
  assertEquals(Object.keys(third!.phases!), ["checking"]);
  assertEquals(
    first!.platforms?.map(({ platform }) => platform),
    ["linux/amd64", "linux/arm64"],
  );
  for (const { digest } of first!.platforms!) {
    assert(pair.destination.manifest("corp/app", digest));
  }
  assertEquals(third!.error?.hint, "check the name and tag in the list");
  assertStringIncludes(third!.error!.message, third!.error!.hint!);
  assertEquals(readReport(stdout, "r.json") as unknown, report);
});

Deno.test("report: requests and retries are counted for each host", async () => {
  await using pair = install(new Pair());
  pair.source.fault({
    match: { kind: "manifest", repository: "corp/other" },
    times: 2,
    action: { status: 503 },
  });
  const { stdout } = await pair.mirror(LIST, ["--report=-"]);
  const { hosts } = parse(stdout);
  const of = (host: string) => hosts.find((h) => h.host === host);
  assertEquals(of(pair.source.host)?.requests, pair.source.requests.length);
  assertEquals(of(pair.source.host)?.retries, 2);
  assertEquals(
    of(pair.destination.host)?.requests,
    pair.destination.requests.length,
  );
  assertEquals(of(pair.destination.host)?.retries, 0);
});

Deno.test("report: retries and warnings are the image's own", async () => {
  await using pair = install(new Pair());
  pair.source.fault({
    match: { kind: "manifest", repository: "corp/other" },
    times: 2,
    action: { status: 503 },
  });
  const { stdout } = await pair.mirror("corp/app:v1\ncorp/other:v1", [
    "--report=-",
    "-j2",
  ]);
  const report = parse(stdout);
  assertEquals(report.images.map((image) => image.retries), [0, 2]);
  assertEquals(report.totals.retries, 2);
});

Deno.test("report: a file is written whole, beside validation and signing too", async () => {
  await using pair = install(new Pair());
  const path = `${pair.directory}/report.json`;
  await Deno.writeTextFile(path, "older");
  const run = async (words: "mirror" | "validate") => {
    const { code } = await pair[words]("corp/app:v1", [`--report=${path}`]);
    return { code, report: parse(await Deno.readTextFile(path)) };
  };
  const validated = await run("validate");
  assertEquals(validated.code, 1);
  assertEquals(validated.report.command, "mirror validate");
  assertEquals(validated.report.images[0]!.findings, ["missing: tag v1"]);
  assertEquals((await run("mirror")).report.totals.copied, 1);
  assertEquals((await run("validate")).report.totals.passed, 1);
  const names = [...Deno.readDirSync(pair.directory)].map(({ name }) => name);
  assertEquals(names, ["report.json"]);
});

Deno.test("report: one that cannot be written is told, and counts", async () => {
  await using pair = install(new Pair());
  const nowhere = await pair.mirror("corp/app:v1", [
    "--report=/nonexistent/report.json",
  ]);
  assertEquals(nowhere.code, 2);
  assertStringIncludes(nowhere.stderr, "--report");
  assertEquals(pair.destination.requests, []);
  if (Deno.build.os !== "linux") return;
  const full = await pair.mirror("corp/app:v1", ["--report=/dev/full"]);
  assertEquals(full.code, 1);
  assertStringIncludes(full.stderr, "cannot write the report /dev/full");
  assertEquals(pair.destination.tags(), ["corp/app:v1"]);
});

Deno.test("report: images that an interrupt kept from being started are in it", async () => {
  await using pair = install(new Pair({ latencyMs: 20 }));
  const { code, stdout } = await pair.mirror(
    "corp/app:v1\ncorp/other:v1",
    ["--report=-"],
    { onStart: (interrupt) => setTimeout(interrupt, 60) },
  );
  assertEquals(code, 130);
  const report = parse(stdout);
  assertEquals(report.images.length, 2);
  assertEquals(report.images.map((image) => image.id), [1, 2]);
  assertEquals(report.images[1]!.outcome, "interrupted");
});

Deno.test("dry run: it tells what a run would do, which then does just that", async () => {
  await using pair = install(new Pair());
  const signature = makeSignatures(app.digest, ["key"]);
  pair.source.install(
    "corp/app",
    `${app.digest.replace(":", "-")}.sig`,
    signature,
  );
  const list = "corp/app:v1\ncorp/other:v1";
  const dry = await pair.mirror(list, ["--dry-run", "--report=-"]);
  assertEquals(dry.code, 0, dry.stderr);
  const isWrite = ({ method }: { method: string }) =>
    !["GET", "HEAD"].includes(method);
  assertEquals(pair.destination.requests.filter(isWrite), []);
  // What the index says of its platforms is not looked up.
  assertEquals(pair.source.count({ kind: "blob" }), 0);
  const planned = parse(dry.stdout);
  assertEquals(planned.dryRun, true);
  assertEquals(planned.images[0]!.plan, {
    platforms: ["linux/amd64", "linux/arm64"],
    send: {
      blobs: app.blobs.size,
      bytes: [...app.blobs.values()].reduce((n, b) => n + b.length, 0),
    },
    mount: { blobs: 0, bytes: 0 },
    attachments: 1,
  });
  assertEquals(planned.images[1]!.plan?.mount, {
    blobs: 1,
    bytes: base.byteLength,
  });
  assertStringIncludes(
    dry.stderr,
    `Would copy [${pair.destination.host}/corp/app:v1] ${app.digest} (linux/amd64, linux/arm64): 5 blobs to send`,
  );
  assertStringIncludes(dry.stderr, "Dry run, nothing was written: 2 would be");

  const real = parse((await pair.mirror(list, ["--report=-"])).stdout);
  for (const [i, image] of real.images.entries()) {
    const { destination, plan } = planned.images[i]!;
    assertEquals(image.destination, destination);
    assertEquals(image.bytesMounted, plan!.mount.bytes);
  }
  const signatureBytes = [...signature.blobs.values()]
    .reduce((n, b) => n + b.length, 0);
  assertEquals(
    real.totals.bytesSent,
    planned.totals.plannedBytes + signatureBytes,
  );
  const after = await pair.mirror(list, ["--dry-run"]);
  assertStringIncludes(after.stderr, "0 would be copied, 2 up to date");
});

Deno.test("dry run: pinned, single, filtered and failing images; the failed list stays", async () => {
  await using pair = install(new Pair());
  const single = makeImage({ seed: "single", platform: "linux/amd64" });
  pair.source.install("corp/single", "v1", single);
  await Deno.writeTextFile(pair.failed, "kept\n");
  const { code, stdout } = await pair.mirror(
    `corp/app@${app.digest}\ncorp/single:v1\ncorp/other:v1\ncorp/none:v1`,
    ["--dry-run", "--report=-", "-aamd64"],
  );
  assertEquals(code, 1);
  const report = parse(stdout);
  assertEquals(
    report.images.map((image) => [image.outcome, image.plan?.platforms]),
    [
      ["planned", ["linux/amd64", "linux/arm64"]],
      ["planned", ["linux/amd64"]],
      ["planned", ["linux/amd64"]],
      ["failed", undefined],
    ],
  );
  assertEquals(await Deno.readTextFile(pair.failed), "kept\n");
});

Deno.test("log format: every line is an object, errors of usage too", async () => {
  await using pair = install(new Pair());
  const { stderr } = await pair.mirror(LIST, ["--log-format=json"]);
  const lines = stderr.trim().split("\n").map((line) => JSON.parse(line));
  assert(lines.length >= 7);
  for (const line of lines) {
    assert(!Number.isNaN(Date.parse(line.time)));
    assert(["info", "warn", "error"].includes(line.level));
    assertEquals(typeof line.message, "string");
  }
  const failed = lines.find(({ level }) => level === "error");
  assertEquals(failed.image, 3);
  const usage = await hangar(["mirror", "--log-format", "json"]);
  assertEquals(usage.code, 2);
  assertEquals(JSON.parse(usage.stderr).message.includes("--file"), true);
  const bad = await pair.mirror(LIST, ["--log-format=xml"]);
  assertEquals(bad.code, 2);
  assertStringIncludes(bad.stderr, '"xml" for --log-format');
});

Deno.test("log format: in JSON, the lines of an image say what programs ask for", async () => {
  await using pair = install(new Pair());
  const run = async (...flags: string[]) => {
    const { stderr } = await pair.mirror(LIST, ["--log-format=json", ...flags]);
    return stderr.trim().split("\n").map((line) => JSON.parse(line));
  };
  const [source, destination] = [pair.source.host, pair.destination.host];
  const ended = (await run()).filter(({ outcome }) => outcome);
  const [first, , third] = ended;
  assertEquals(ended.map(({ outcome }) => outcome), [
    "copied",
    "copied",
    "failed",
  ]);
  const { time: _t, message: _m, bytes, duration, ...fields } = first;
  assertEquals(fields, {
    level: "info",
    image: 1,
    outcome: "copied",
    source: `${source}/corp/app:v1`,
    destination: `${destination}/corp/app:v1`,
    digest: app.digest,
  });
  assertEquals(bytes + ended[1].bytes, pair.destination.blobBytesReceived);
  assert(Number.isInteger(duration));
  assertEquals([third.code, third.bytes], ["not-found", 0]);
  const again = (await run()).filter(({ outcome }) => outcome);
  assertEquals(again[0].outcome, "up-to-date");
  assertEquals(again[0].digest, app.digest);
});

Deno.test("log: off a terminal one line for each image, and one more for what went wrong", async () => {
  await using pair = install(new Pair());
  const [source, destination] = [pair.source.host, pair.destination.host];
  const imagesOf = (log: string) =>
    log.split("\n").filter((line) => line.includes("[IMG:"))
      .map((line) => line.replace(/^\[[\d:]{8}\] /, ""));
  const { stderr } = await pair.mirror(LIST);
  const copying = (image: number, name: string) =>
    `[INFO] [IMG:${image}] Copying [${source}/${name}] => [${destination}/${name}]`;
  const lines = imagesOf(stderr);
  assertEquals(lines.slice(0, 3), [
    copying(1, "corp/app:v1"),
    copying(2, "corp/other:v1"),
    copying(3, "corp/none:v1"),
  ]);
  // The failure, and the recap of it.
  assertEquals(lines.length, 5);
  assert(lines.slice(3).every((line) => line.startsWith("[ERRO] [IMG:3] ")));
  const summary = stderr.trimEnd().split("\n").at(-1)!;
  assertStringIncludes(summary, "[ERRO] Done: 2 copied");
  const warm = await pair.mirror("corp/app:v1");
  assertEquals(imagesOf(warm.stderr), [copying(1, "corp/app:v1")]);
  assertStringIncludes(warm.stderr, "[INFO] Done: 0 copied, 1 up to date");
});

Deno.test("log: on a terminal one line for each result, and what names share once", async () => {
  await using pair = install(new Pair());
  const { stderr } = await pair.mirror(LIST, [], {
    terminal: { columns: 120, rows: 24 },
  });
  assert(!stderr.includes("Copying ["));
  const lines = stderr.split("\n").filter((line) => line.includes("] [INFO] "))
    .map((line) => line.slice(line.indexOf("[INFO]")).split(" "));
  assertEquals(
    lines.filter(([, image]) => image!.startsWith("[IMG:"))
      .map((words) => words.slice(1, 3).join(" ")),
    ["[IMG:1] copied", "[IMG:2] copied"],
  );
  assertStringIncludes(
    stderr,
    `[INFO] 3 images to ${pair.destination.host}/corp/…`,
  );
  assertMatch(stderr, /\[ERRO\] \[IMG:3\] failed {6}none:v1: cannot read v1/);
});

Deno.test("log: on a terminal the line of a result says how many platforms were copied, and what that means once", async () => {
  await using pair = new Pair();
  const platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
  for (const name of ["one", "two"]) {
    pair.source.install(
      `corp/${name}`,
      "v1",
      makeMultiArch(name, { platforms }),
    );
  }
  const terminal = { columns: 80, rows: 24 };
  const { stderr } = await pair.mirror("corp/one:v1\ncorp/two:v1", [], {
    terminal,
  });
  assertMatch(stderr, /\[INFO\] \[IMG:1\] copied 2\/3 {2}one:v1/);
  assertMatch(stderr, /\[INFO\] \[IMG:2\] copied 2\/3 {2}two:v1/);
  const told = stderr.split("\n").filter((line) => line.includes("rebuilt: "));
  assertEquals(told.length, 1);
  assertStringIncludes(
    told[0]!,
    "[INFO] index rebuilt: copied 2/3 is 2 of 3 platforms, so its digest is not the source's",
  );
  // Elsewhere each image has a line of its own, with both digests.
  await using other = new Pair();
  other.source.install("corp/one", "v1", makeMultiArch("one", { platforms }));
  const plain = await other.mirror("corp/one:v1");
  assertMatch(
    plain.stderr,
    /\[IMG:1\] index rebuilt: 2 of 3 platforms, sha256:\S+ instead of the source's sha256:/,
  );
});

Deno.test("log: lines of --debug name their image", async () => {
  await using pair = install(new Pair());
  const { stderr } = await pair.mirror("corp/app:v1", ["--debug"]);
  const blob = stderr.split("\n").find((line) => line.includes("PUT http"));
  assertMatch(blob!, /\[DEBU\] \[IMG:1\] PUT /);
  assertMatch(stderr, /\[DEBU\] \[IMG:1\] Copied \[/);
});

Deno.test("progress: a display on a terminal, above which the log stays, and nothing after", async () => {
  await using pair = install(new Pair({ latencyMs: 60 }));
  const { stderr } = await pair.mirror("corp/app:v1\ncorp/other:v1", [], {
    terminal: { columns: 100, rows: 24 },
  });
  assertStringIncludes(stderr, "[IMG:1] ");
  assertStringIncludes(stderr, "0/2 images, 1 under way");
  // The last that is painted is taken away, and the summary follows.
  const taken = stderr.lastIndexOf("\x1b[J\x1b[?2026l");
  const end = stderr.slice(taken).replace("\x1b[J\x1b[?2026l", "");
  assertStringIncludes(end, "Done: 2 copied");
  assert(!end.includes("\x1b"));
  const none = await pair.mirror("corp/app:v1", ["--progress=none"], {
    terminal: { columns: 100, rows: 24 },
  });
  assert(!none.stderr.includes("\x1b"));
  const bad = await pair.mirror("corp/app:v1", ["--progress=some"]);
  assertEquals(bad.code, 2);
});
