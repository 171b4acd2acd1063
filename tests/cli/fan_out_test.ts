import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { MirrorReport } from "../../src/report/json_report.ts";
import { mirror } from "../../src/library/mod.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import { makeImage, makeMultiArch, randomBytes } from "../support/images.ts";

/** A source, several destinations, and hangar between them. */
class Fan implements AsyncDisposable {
  readonly source = FakeRegistry.start();
  readonly destinations: readonly FakeRegistry[];
  readonly directory = Deno.makeTempDirSync();
  readonly failed = `${this.directory}/failed.txt`;

  constructor(count: number) {
    this.destinations = Array.from(
      { length: count },
      () => FakeRegistry.start(),
    );
  }

  get flags(): string[] {
    return [
      "-f-",
      `--source=http://${this.source.host}`,
      ...this.destinations.map(({ host }) => `--destination=http://${host}`),
      `--failed=${this.failed}`,
    ];
  }

  mirror(list: string, flags: string[] = [], options: HangarOptions = {}) {
    return hangar(["mirror", ...this.flags, ...flags], {
      stdin: list,
      ...options,
    });
  }

  async [Symbol.asyncDispose]() {
    for (const registry of [this.source, ...this.destinations]) {
      await registry[Symbol.asyncDispose]();
      assertEquals(registry.violations, []);
      assertEquals(registry.dangling(), []);
    }
    await Deno.remove(this.directory, { recursive: true });
  }
}

const base = randomBytes(20_000, "fan base");

function install({ source }: Fan): void {
  source.install(
    "corp/app",
    "v1",
    makeMultiArch("app", { layers: [base, 500] }),
  );
  source.install(
    "corp/other",
    "v1",
    makeImage({ seed: "other", layers: [base] }),
  );
}

const LIST = "corp/app:v1\ncorp/other:v1";

Deno.test("fan-out: every image goes to each destination, and all know it", async () => {
  await using fan = new Fan(3);
  install(fan);
  const { code, stdout, stderr } = await fan.mirror(LIST, [
    "--report=-",
    "-j2",
  ]);
  assertEquals(code, 0, stderr);
  for (
    const { host, tags } of fan.destinations.map((d) => ({
      host: d.host,
      tags: d.tags().sort(),
    }))
  ) {
    assertEquals(tags, ["corp/app:v1", "corp/other:v1"], host);
    for (const [image, name] of [[1, "corp/app:v1"], [2, "corp/other:v1"]]) {
      assertStringIncludes(
        stderr,
        `[IMG:${image}] Copying [${fan.source.host}/${name}] => [${host}/${name}]`,
      );
    }
  }
  const report: MirrorReport = JSON.parse(stdout);
  assertEquals(report.totals.copied, 6);
  assertEquals(
    report.images.map(({ id, destination }) => [id, destination.reference]),
    [1, 2].flatMap((id) =>
      fan.destinations.map(({ host }) => [
        id,
        `${host}/corp/${id === 1 ? "app" : "other"}:v1`,
      ])
    ),
  );
  // Requests and bytes are those of the image at its own destination.
  for (const [i, destination] of fan.destinations.entries()) {
    const own = report.images.filter((_, n) => n % 3 === i);
    assertEquals(
      own.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
      destination.blobBytesReceived,
    );
  }
  // Once more, there is nothing to do.
  const again = await fan.mirror(LIST);
  assertEquals(again.code, 0);
  assertStringIncludes(again.stderr, "0 copied, 6 up to date");
  const validated = await hangar(
    ["mirror", "validate", ...fan.flags],
    { stdin: LIST },
  );
  assertEquals(validated.code, 0);
  assertStringIncludes(validated.stderr, "6 passed");
});

Deno.test("fan-out: what is told of an image names the destination, with one it does not", async () => {
  await using fan = new Fan(2);
  install(fan);
  const { code, stderr } = await fan.mirror(LIST, ["--arch=amd64"]);
  assertEquals(code, 0, stderr);
  for (const { host } of fan.destinations) {
    assertStringIncludes(stderr, `[IMG:1] ${host}: index rebuilt: 1 of 2`);
  }
  await using one = new Fan(1);
  install(one);
  const alone = await one.mirror(LIST, ["--arch=amd64"]);
  assertStringIncludes(alone.stderr, "[IMG:1] index rebuilt: 1 of 2");
});

Deno.test("fan-out: a comma list is the same; the same registry twice is refused", async () => {
  await using fan = new Fan(2);
  install(fan);
  const [a, b] = fan.destinations.map(({ host }) => host);
  const run = (destinations: string) =>
    hangar([
      "mirror",
      "-f-",
      `--source=http://${fan.source.host}`,
      "-d",
      destinations,
      `--failed=${fan.failed}`,
    ], { stdin: LIST });
  const { code, stderr } = await run(`http://${a},http://${b}`);
  assertEquals(code, 0, stderr);
  for (const destination of fan.destinations) {
    assertEquals(destination.tags().length, 2);
  }
  const twice = await run(`http://${a},${a}`);
  assertEquals(twice.code, 2);
  assertStringIncludes(twice.stderr, `--destination: ${a} is given twice`);
});

Deno.test("fan-out: one destination's failure is its own, and its line is in the failed list once", async () => {
  await using fan = new Fan(3);
  install(fan);
  const [, broken, other] = fan.destinations as [
    FakeRegistry,
    FakeRegistry,
    FakeRegistry,
  ];
  for (const registry of [broken, other]) {
    registry.fault({
      match: { kind: "manifest", method: "PUT", repository: "corp/app" },
      times: 100,
      action: { status: 403 },
    });
  }
  const { code, stderr } = await fan.mirror(LIST);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "4 copied");
  assertStringIncludes(stderr, "2 failed");
  assertEquals(
    fan.destinations.map((registry) => registry.tags().sort()),
    [["corp/app:v1", "corp/other:v1"], ["corp/other:v1"], ["corp/other:v1"]],
  );
  const failed = (await Deno.readTextFile(fan.failed)).split("\n");
  assertEquals(failed.filter((line) => line === "corp/app:v1").length, 1);
  const reason = failed[failed.indexOf("corp/app:v1") - 1]!;
  assertStringIncludes(reason, broken.host);
  assertStringIncludes(reason, other.host);
  assertStringIncludes(stderr, "1 line failed; it is in");
  // The recap tells them apart, even where the reason does not.
  const recap = stderr.slice(stderr.indexOf("2 images failed:"));
  for (const { host } of [broken, other]) {
    assertStringIncludes(recap, `[IMG:1] corp/app:v1 at ${host}: `);
  }
});

Deno.test("fan-out: a dead destination fails its own images", async () => {
  await using fan = new Fan(2);
  install(fan);
  const dead = FakeRegistry.start();
  await dead[Symbol.asyncDispose]();
  const { code, stderr } = await fan.mirror(LIST, [
    `--destination=http://${dead.host}`,
    "--skip-login",
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "4 copied");
  for (const destination of fan.destinations) {
    assertEquals(destination.tags().length, 2);
  }
});

Deno.test("fan-out: with shards, a line's destinations stay together", async () => {
  await using fan = new Fan(2);
  install(fan);
  let seen = 0;
  for (let i = 0; i < 3; i++) {
    const { code, stdout } = await fan.mirror(LIST, [
      `--shard=${i}/3`,
      "--report=-",
    ]);
    assertEquals(code, 0);
    const report: MirrorReport = JSON.parse(stdout);
    const ids = report.images.map(({ id }) => id);
    for (const id of ids) {
      assertEquals(ids.filter((other) => other === id).length, 2);
    }
    seen += ids.length;
  }
  assertEquals(seen, 4);
});

Deno.test("fan-out: an archive is loaded into several registries", async () => {
  await using fan = new Fan(2);
  install(fan);
  const archive = `${fan.directory}/saved.tar`;
  const saved = await hangar([
    "save",
    "-f-",
    `--source=http://${fan.source.host}`,
    `--destination=${archive}`,
    `--failed=${fan.failed}`,
  ], { stdin: LIST });
  assertEquals(saved.code, 0, saved.stderr);
  const flags = [
    `--source=${archive}`,
    ...fan.destinations.map(({ host }) => `--destination=http://${host}`),
    `--failed=${fan.failed}`,
  ];
  const loaded = await hangar(["load", ...flags]);
  assertEquals(loaded.code, 0, loaded.stderr);
  assertStringIncludes(loaded.stderr, "4 copied");
  for (const destination of fan.destinations) {
    assertEquals(destination.tags().length, 2);
  }
  const validated = await hangar(["load", "validate", ...flags]);
  assertEquals(validated.code, 0, validated.stderr);
});

Deno.test("fan-out: as an option of the library", async () => {
  await using fan = new Fan(2);
  install(fan);
  const report = await mirror({
    images: LIST.split("\n"),
    source: `http://${fan.source.host}`,
    destination: fan.destinations.map(({ host }) => `http://${host}`),
    credentials: false,
  });
  assertEquals(report.totals.copied, 4);
  assert(fan.destinations.every((registry) => registry.tags().length === 2));
});
