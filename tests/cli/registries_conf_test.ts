import { assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeMultiArch } from "../support/images.ts";

const app = makeMultiArch("app");

/** A home directory with a registries.conf, and hangar in it. */
class Home implements AsyncDisposable {
  readonly path = Deno.makeTempDirSync();
  readonly failed = `${this.path}/failed.txt`;

  constructor(conf: string) {
    const config = `${this.path}/.config/containers`;
    Deno.mkdirSync(config, { recursive: true });
    Deno.writeTextFileSync(`${config}/registries.conf`, conf);
  }

  run(args: string[], list = "") {
    return hangar(args, { stdin: list, env: { HOME: this.path } });
  }

  mirror(list: string, destination: FakeRegistry, flags: string[] = []) {
    return this.run([
      "mirror",
      "-f-",
      `-d${destination.host}`,
      `--failed=${this.failed}`,
      ...flags,
    ], list);
  }

  async [Symbol.asyncDispose]() {
    await Deno.remove(this.path, { recursive: true });
  }
}

function upstream(location: string, ...mirrors: string[]): string {
  return [
    `[[registry]]\nprefix = "up.example"\nlocation = "${location}"`,
    ...mirrors.map((m) => `[[registry.mirror]]\nlocation = "${m}"`),
  ].join("\n");
}

Deno.test("registries.conf: an image is copied whole from the first mirror that has it", async () => {
  await using without = FakeRegistry.start();
  await using mirror = FakeRegistry.start();
  await using own = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  mirror.install("cache/corp/app", "v1", app);
  own.install("corp/app", "v1", app);
  own.install("corp/other", "v1", app);
  await using home = new Home(
    upstream(own.host, `${without.host}/x`, `${mirror.host}/cache`),
  );
  const list = "up.example/corp/app:v1\nup.example/corp/other:v1";
  const { code, stderr } = await home.mirror(list, destination);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "Copying [up.example/corp/app:v1]");
  assertEquals(destination.tags(), ["corp/app:v1", "corp/other:v1"]);
  assertEquals(
    own.requests.filter((r) => r.repository === "corp/app"),
    [],
  );
  const validated = await home.run([
    "mirror",
    "validate",
    "-f-",
    `-d${destination.host}`,
    `--failed=${home.failed}`,
  ], list);
  assertEquals(validated.code, 0, validated.stderr);
});

Deno.test("registries.conf: a mirror that does not answer is asked once in a run", async () => {
  await using mirror = FakeRegistry.start();
  await using own = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  mirror.fault({ match: { kind: "manifest" }, action: { status: 503 } });
  const list: string[] = [];
  for (let i = 0; i < 5; i++) {
    own.install(`corp/app-${i}`, "v1", app);
    list.push(`up.example/corp/app-${i}:v1`);
  }
  await using home = new Home(upstream(own.host, mirror.host));
  const { code, stderr } = await home.mirror(list.join("\n"), destination);
  assertEquals(code, 0, stderr);
  assertEquals(stderr.match(/is not asked again in this run/g)?.length, 1);
  assertEquals(destination.tags().length, 5);
});

Deno.test("registries.conf: a mirror that keeps an image to itself is warned about once", async () => {
  await using mirror = FakeRegistry.start();
  await using own = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  mirror.fault({ match: { kind: "manifest" }, action: { status: 403 } });
  const list: string[] = [];
  for (let i = 0; i < 5; i++) {
    own.install(`corp/app-${i}`, "v1", app);
    list.push(`up.example/corp/app-${i}:v1`);
  }
  await using home = new Home(upstream(own.host, mirror.host));
  const { code, stderr } = await home.mirror(list.join("\n"), destination);
  assertEquals(code, 0, stderr);
  assertEquals(stderr.match(/\[WARN\].* mirror /g)?.length, 1, stderr);
  // It is asked for each, since it may have others to give.
  const asked = new Set(
    mirror.requests.filter((r) => r.kind === "manifest")
      .map((r) => r.repository),
  );
  assertEquals(asked.size, 5);
});

Deno.test("registries.conf: a mirror that is the destination is not read from", async () => {
  await using own = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  own.install("corp/app", "v1", app);
  destination.install("corp/app", "v1", makeMultiArch("older"));
  await using home = new Home(upstream(own.host, destination.host));
  const { code, stderr } = await home.mirror(
    "up.example/corp/app:v1",
    destination,
  );
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    "a mirror of up.example is the destination",
  );
  assertEquals(destination.digestOf("corp/app", "v1"), app.digest);
});

Deno.test("registries.conf: a source that is the destination in truth is refused", async () => {
  await using destination = FakeRegistry.start();
  destination.install("corp/app", "v1", app);
  await using home = new Home(upstream(destination.host));
  const { code, stderr } = await home.mirror(
    "up.example/corp/app:v1",
    destination,
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "as registries.conf has it");
  assertEquals(destination.requests.filter((r) => r.kind === "manifest"), []);
});

Deno.test("registries.conf: blocked sources and destinations fail their lines alone", async () => {
  await using own = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  own.install("corp/app", "v1", app);
  await using home = new Home(
    `${
      upstream(own.host)
    }\n[[registry]]\nlocation = "up.example/bad"\nblocked = true\n[[registry]]\nlocation = "${destination.host}/shut"\nblocked = true`,
  );
  const { code, stderr } = await home.mirror(
    "up.example/bad/app:v1\nup.example/corp/app:v1\nup.example/shut/app:v1",
    destination,
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "blocks up.example/bad: up.example/bad/app:v1");
  assertStringIncludes(stderr, `blocks ${destination.host}/shut`);
  assertEquals(destination.tags(), ["corp/app:v1"]);
  assertEquals(
    (await Deno.readTextFile(home.failed)).split("\n").filter((line) =>
      line && !line.startsWith("#")
    ),
    ["up.example/bad/app:v1", "up.example/shut/app:v1"],
  );
});

Deno.test("registries.conf: --source is routed too, and every command asks the file", async () => {
  await using own = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  own.install("corp/app", "v1", app);
  await using home = new Home(
    `${
      upstream(own.host)
    }\n[[registry]]\nlocation = "shut.example"\nblocked = true`,
  );
  const { code, stderr } = await home.mirror("corp/app:v1", destination, [
    "--source=up.example",
  ]);
  assertEquals(code, 0, stderr);
  const inspected = await home.run([
    "inspect",
    "--no-tags",
    "up.example/corp/app:v1",
  ]);
  assertEquals(JSON.parse(inspected.stdout).Name, "up.example/corp/app");
  for (
    const args of [
      ["inspect", "shut.example/app:v1"],
      ["list-tags", "shut.example/app"],
      ["login", "shut.example", "-u", "x", "-p", "y"],
    ]
  ) {
    const { code, stderr } = await home.run(args);
    assertEquals(code, 1, args.join(" "));
    assertStringIncludes(stderr, "blocks shut.example");
  }
});

Deno.test("registries.conf: tags are listed where the registry really is, and not at its mirrors", async () => {
  await using own = FakeRegistry.start();
  await using mirror = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  for (const tag of ["v1", "v2", "other"]) {
    own.install("team/corp/app", tag, app);
  }
  mirror.install("corp/app", "v9", app);
  await using home = new Home(upstream(`${own.host}/team`, mirror.host));
  const listed = await home.run(["list-tags", "up.example/corp/app"]);
  assertEquals(listed.stdout, "other\nv1\nv2\n", listed.stderr);
  const { code, stderr } = await home.mirror(
    "up.example/corp/app:v*",
    destination,
  );
  assertEquals(code, 0, stderr);
  assertEquals(destination.tags(), ["corp/app:v1", "corp/app:v2"]);
  const asked = mirror.requests.filter(({ kind }) => kind === "tags");
  assertEquals(asked, []);
  // An archive has its images by the names of the list.
  const archive = `${home.path}/a.tar`;
  const list = "up.example/corp/app:v*";
  const flags = [`--failed=${home.failed}`, "-f-"];
  const saved = await home.run(["save", ...flags, `-d${archive}`], list);
  assertEquals(saved.code, 0, saved.stderr);
  await using far = FakeRegistry.start();
  const loaded = await home.run(
    ["load", ...flags, `-s${archive}`, `-d${far.host}`],
    list,
  );
  assertEquals(loaded.code, 0, loaded.stderr);
  assertEquals(far.tags(), ["corp/app:v1", "corp/app:v2"]);
});

Deno.test("registries.conf: a file that cannot be understood stops the run", async () => {
  await using destination = FakeRegistry.start();
  await using home = new Home("[registries.search]\nregistries = ['quay.io']");
  const { code, stderr } = await home.mirror("app:v1", destination);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "registries.conf is in version 1");
  assertStringIncludes(stderr, "[[registry]] with location");
  assertEquals(destination.requests, []);
});

Deno.test("registries.conf: CONTAINERS_REGISTRIES_CONF takes the place of the user's", async () => {
  await using own = FakeRegistry.start();
  own.install("corp/app", "v1", app);
  await using home = new Home("[[registry]]\nlocation = 'broken");
  const file = `${home.path}/other.conf`;
  await Deno.writeTextFile(file, upstream(own.host));
  const args = ["inspect", "--raw", "up.example/corp/app:v1"];
  const env = { HOME: home.path, CONTAINERS_REGISTRIES_CONF: file };
  const { code, stderr } = await hangar(args, { env });
  assertEquals(code, 0, stderr);
  const missing = await hangar(args, {
    env: { ...env, CONTAINERS_REGISTRIES_CONF: `${file}.gone` },
  });
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "does not exist");
});
