import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage, makeMultiArch, randomBytes } from "../support/images.ts";

const LARGE = 6 * 1024 * 1024;

/** A source, some destinations, and all flags that lead there. */
class Fan implements AsyncDisposable {
  readonly source = FakeRegistry.start();
  readonly destinations: readonly FakeRegistry[];
  readonly directory = Deno.makeTempDirSync();

  constructor(...destinations: FakeRegistry[]) {
    this.destinations = destinations;
  }

  async mirror(list: string, ...flags: string[]) {
    return await hangar([
      "mirror",
      "-f-",
      `--source=http://${this.source.host}`,
      ...this.destinations.map(({ host }) => `--destination=http://${host}`),
      `--failed=${this.directory}/failed.txt`,
      ...flags,
    ], { stdin: list });
  }

  /** How often each path of the source was read by GET. */
  reads(kind: "blob" | "manifest"): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { method, path, kind: of } of this.source.requests) {
      if (of !== kind || method !== "GET") continue;
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
    return counts;
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

function more(count: number): FakeRegistry[] {
  return Array.from({ length: count }, () => FakeRegistry.start());
}

function assertOnce(reads: ReadonlyMap<string, number>): void {
  assert(reads.size > 0);
  assertEquals([...reads].filter(([, times]) => times !== 1), []);
}

Deno.test("read once: manifests and blobs of every size, for three destinations", async () => {
  await using fan = new Fan(...more(3));
  const shared = randomBytes(LARGE, "shared");
  fan.source.install(
    "corp/a",
    "v1",
    makeMultiArch("a", { layers: [shared, 900] }),
  );
  fan.source.install(
    "corp/b",
    "v1",
    makeImage({ seed: "b", layers: [shared, 700_000] }),
  );
  fan.source.install(
    "corp/c",
    "v1",
    makeImage({ seed: "c", layers: [LARGE, 100, 5] }),
  );
  const list = "corp/a:v1\ncorp/b:v1\ncorp/c:v1";
  const { code, stderr } = await fan.mirror(list, "-j2");
  assertEquals(code, 0, stderr);
  assertOnce(fan.reads("blob"));
  assertOnce(fan.reads("manifest"));
  for (const destination of fan.destinations) {
    assertEquals(destination.tags().length, 3);
  }
});

Deno.test("read once: a destination that has some of it already changes nothing for the others", async () => {
  const some = FakeRegistry.start();
  await using fan = new Fan(some, ...more(2));
  const app = makeMultiArch("app", { layers: [LARGE, 3000] });
  fan.source.install("corp/app", "v1", app);
  fan.source.install("corp/b", "v1", makeImage({ seed: "b", layers: [LARGE] }));
  some.install("corp/app", "v1", app);
  const { code, stderr } = await fan.mirror("corp/app:v1\ncorp/b:v1");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "5 copied, 1 up to date");
  assertOnce(fan.reads("blob"));
});

Deno.test("read once: a dead destination, one that refuses and one that breaks off fail by themselves", async () => {
  const refusing = FakeRegistry.start();
  const [good, other] = more(2);
  await using fan = new Fan(good!, refusing, other!);
  fan.source.install(
    "corp/a",
    "v1",
    makeImage({ seed: "a", layers: [LARGE, 700_000] }),
  );
  fan.source.install(
    "corp/b",
    "v1",
    makeImage({ seed: "b", layers: [LARGE / 2] }),
  );
  refusing.fault({
    match: { kind: "upload", method: "POST" },
    times: 1000,
    action: { status: 403 },
  });
  const dead = FakeRegistry.start();
  await dead[Symbol.asyncDispose]();
  const { code, stderr } = await fan.mirror(
    "corp/a:v1\ncorp/b:v1",
    `--destination=http://${dead.host}`,
    "--skip-login",
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "4 copied");
  assertStringIncludes(stderr, "4 failed");
  assertEquals(good!.tags().length, 2);
  assertEquals(other!.tags().length, 2);
  assertOnce(fan.reads("blob"));
});

Deno.test("read once: when the source breaks off, all go on from there", async () => {
  await using fan = new Fan(...more(3));
  fan.source.install("corp/a", "v1", makeImage({ seed: "a", layers: [LARGE] }));
  fan.source.fault({
    match: { kind: "blob", method: "GET" },
    times: 1,
    action: { breakAfter: LARGE / 2 },
  });
  const { code, stderr } = await fan.mirror("corp/a:v1");
  assertEquals(code, 0, stderr);
  const total = [...fan.reads("blob").values()].reduce((a, b) => a + b, 0);
  // The config and the layer, and the layer once more from where it broke.
  assert(total <= 4, `${total} reads`);
});

Deno.test("read once: a slow destination does not slow the others, and gets all", async () => {
  const slow = FakeRegistry.start({ latencyMs: 300 });
  const [a, b] = more(2);
  await using fan = new Fan(a!, slow, b!);
  const names = [...Array(14).keys()].map((i) => `corp/app${i}`);
  for (const name of names) {
    fan.source.install(
      name,
      "v1",
      makeImage({ seed: name, layers: [600_000, 2000] }),
    );
  }
  const list = names.map((name) => `${name}:v1`).join("\n");
  const ended = new Map<string, number>();
  const run = hangar([
    "mirror",
    "-f-",
    `--source=http://${fan.source.host}`,
    ...fan.destinations.map(({ host }) => `--destination=http://${host}`),
    `--failed=${fan.directory}/failed.txt`,
    "-j4",
    // In JSON, each result is a line.
    "--log-format=json",
  ], {
    stdin: list,
    onStderr: (text) => {
      for (const { host } of fan.destinations) {
        if (text.includes(`Copied [${host}/`)) {
          ended.set(host, performance.now());
        }
      }
    },
  });
  const began = performance.now();
  const { code, stderr } = await run;
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    `destination ${slow.host} is slower than the others: it goes on by itself`,
  );
  const took = (host: string) => ended.get(host)! - began;
  assert(took(a!.host) < took(slow.host) * 0.8, stderr);
  assert(took(b!.host) < took(slow.host) * 0.8, stderr);
  for (const destination of fan.destinations) {
    assertEquals(destination.tags().length, 14);
  }
});
