import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import { parseReceipt } from "../../src/layout/receipt.ts";
import {
  FakeRegistry,
  type FakeRegistryOptions,
} from "../support/fake_registry.ts";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import {
  type MadeImage,
  makeArtifact,
  makeFallback,
  makeImage,
  makeIndex,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
  randomBytes,
} from "../support/images.ts";

const isValid = new Ajv2020({ allErrors: true, validateFormats: false })
  .compile(JSON.parse(
    await Deno.readTextFile(
      new URL("../../docs/receipt.schema.json", import.meta.url),
    ),
  ));

/** A registry on the far side, and a directory for what the command writes. */
class Far implements AsyncDisposable {
  readonly registry: FakeRegistry;
  readonly directory = Deno.makeTempDirSync();
  readonly output = `${this.directory}/receipt.json`;
  readonly failed = `${this.directory}/failed.txt`;

  constructor(options: FakeRegistryOptions = {}) {
    this.registry = FakeRegistry.start(options);
  }

  run(list: string, flags: string[] = [], options: HangarOptions = {}) {
    return hangar([
      "receipt",
      "-f-",
      `-d=http://${this.registry.host}`,
      `-o=${this.output}`,
      `--failed=${this.failed}`,
      ...flags,
    ], { stdin: list, now: () => Date.UTC(2026, 0, 2), ...options });
  }

  /** The receipt as it was written. */
  async receipt() {
    const bytes = await Deno.readFile(this.output);
    const json = JSON.parse(new TextDecoder().decode(bytes));
    const valid: boolean = isValid(json);
    assert(valid, JSON.stringify(isValid.errors));
    parseReceipt(bytes, "receipt.json");
    return json;
  }

  async [Symbol.asyncDispose]() {
    await this.registry[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
    assertEquals(this.registry.violations, []);
  }
}

/** What the receipt should have of a repository with these images. */
function contentOf(repository: string, ...images: MadeImage[]) {
  const manifests = images.flatMap((image) => image.manifests);
  return {
    repository,
    manifests: [...new Set(manifests.map((m) => m.digest))].sort(),
    blobs: [...new Set(images.flatMap((image) => [...image.blobs.keys()]))]
      .sort(),
  };
}

Deno.test("receipt: every manifest and blob of the list's images, by repository", async () => {
  await using far = new Far();
  const { registry } = far;
  const app = makeMultiArch("app", { attestations: true });
  const nested = makeIndex([makeMultiArch("inner"), makeImage({ seed: "x" })]);
  const chart = makeArtifact("chart");
  registry.install("corp/app", "v1", app);
  registry.install("corp/nested", "v1", nested);
  registry.install("corp/chart", "v1", chart);
  registry.install("corp/other", "v1", makeImage({ seed: "not in the list" }));
  const { code, stderr } = await far.run(
    `docker.io/corp/app:v1\nquay.io/corp/nested:v1\ncorp/chart@${chart.digest}\n`,
  );
  assertEquals(code, 0, stderr);
  const { host } = registry;
  assertEquals(await far.receipt(), {
    schemaVersion: 1,
    kind: "receipt",
    tool: (await far.receipt()).tool,
    registry: host,
    madeAt: "2026-01-02T00:00:00.000Z",
    images: [
      { reference: `${host}/corp/app:v1`, digest: app.digest },
      { reference: `${host}/corp/nested:v1`, digest: nested.digest },
      {
        reference: `${host}/corp/chart@${chart.digest}`,
        digest: chart.digest,
      },
    ],
    absent: [],
    repositories: [
      contentOf("corp/app", app),
      contentOf("corp/chart", chart),
      contentOf("corp/nested", nested),
    ],
  });
  assertStringIncludes(
    stderr,
    `[INFO] [IMG:1] Held [${host}/corp/app:v1] ${app.digest}`,
  );
  assertStringIncludes(stderr, "Done: 3 held, 0 not there yet, 0 failed");
  const methods = new Set(registry.requests.map(({ method }) => method));
  assertEquals(methods.isSubsetOf(new Set(["GET", "HEAD"])), true);
  assertEquals(registry.count({ kind: "blob", method: "GET" }), 0);
});

Deno.test("receipt: signatures and referrers are content too, to any depth", async () => {
  await using far = new Far({ referrers: true });
  const app = makeImage({ seed: "app" });
  const signature = makeSignatures(app.digest, ["me"]);
  const sbom = makeReferrer(app, "sbom");
  const ofSbom = makeReferrer(sbom, "signature of the sbom");
  far.registry.install("corp/app", "v1", app);
  far.registry.install(
    "corp/app",
    `${app.digest.replace(":", "-")}.sig`,
    signature,
  );
  far.registry.install("corp/app", undefined, sbom);
  far.registry.install("corp/app", undefined, ofSbom);
  const { code, stderr } = await far.run("corp/app:v1");
  assertEquals(code, 0, stderr);
  assertEquals((await far.receipt()).repositories, [
    contentOf("corp/app", app, signature, sbom, ofSbom),
  ]);
});

Deno.test("receipt: a registry without the referrers API lists them by tag", async () => {
  await using far = new Far();
  const app = makeImage({ seed: "app" });
  const sbom = makeReferrer(app, "sbom");
  far.registry.install("corp/app", "v1", app);
  far.registry.install(
    "corp/app",
    app.digest.replace(":", "-"),
    makeFallback([sbom]),
  );
  const { code, stderr } = await far.run("corp/app:v1");
  assertEquals(code, 0, stderr);
  assertEquals((await far.receipt()).repositories, [
    contentOf("corp/app", app, sbom),
  ]);
});

Deno.test("receipt: a first carry finds nothing, which is no failure", async () => {
  await using far = new Far();
  const { code, stderr } = await far.run("nginx:1.27\ncorp/app:v1");
  assertEquals(code, 0, stderr);
  const { host } = far.registry;
  const { images, absent, repositories } = await far.receipt();
  assertEquals({ images, absent, repositories }, {
    images: [],
    absent: [`${host}/library/nginx:1.27`, `${host}/corp/app:v1`],
    repositories: [],
  });
  assertStringIncludes(stderr, `Not there yet [${host}/library/nginx:1.27]`);
  assertStringIncludes(stderr, "Done: 0 held, 2 not there yet, 0 failed");
});

Deno.test("receipt: what is missing or has another size is left out and told", async () => {
  await using far = new Far();
  const layer = randomBytes(1000, "layer");
  const app = makeMultiArch("app", { layers: [layer, 500] });
  far.registry.install("corp/app", "v1", app);
  const [, arm64] = far.registry.entries("corp/app", "v1");
  const [lost = ""] = app.blobs.keys();
  far.registry.remove("corp/app", arm64!);
  far.registry.remove("corp/app", lost);
  const { code, stderr } = await far.run("corp/app:v1");
  assertEquals(code, 0, stderr);
  const [{ manifests, blobs }] = (await far.receipt()).repositories;
  const left = app.manifests.filter(({ digest }) => digest !== arm64);
  assertEquals(manifests, left.map(({ digest }) => digest).sort());
  assertEquals(blobs.includes(lost), false);
  assertEquals(blobs.length, 2);
  assertStringIncludes(stderr, `missing: linux/arm64 ${arm64}`);
  assertStringIncludes(stderr, `missing: blob ${lost} of 1000 bytes`);
});

Deno.test("receipt: an image that is damaged or cannot be read fails, and is not in it", async () => {
  await using far = new Far();
  const good = makeImage({ seed: "good" });
  const damaged = makeMultiArch("damaged");
  far.registry.install("corp/good", "v1", good);
  far.registry.install("corp/damaged", "v1", damaged);
  far.registry.install("corp/denied", "v1", makeImage({ seed: "denied" }));
  const [amd64] = far.registry.entries("corp/damaged", "v1");
  far.registry.fault({
    match: { kind: "manifest", reference: amd64 },
    action: { status: 200, body: "something else" },
  });
  far.registry.fault({
    match: { kind: "manifest", repository: "corp/denied" },
    action: { status: 403 },
  });
  const list = "corp/damaged:v1\ncorp/good:v1\ncorp/denied:v1\n";
  const { code, stderr } = await far.run(list, ["--report=-"]);
  assertEquals(code, 1, stderr);
  const { images, absent, repositories } = await far.receipt();
  const { host } = far.registry;
  assertEquals({ images, absent, repositories }, {
    images: [{ reference: `${host}/corp/good:v1`, digest: good.digest }],
    absent: [],
    repositories: [contentOf("corp/good", good)],
  });
  assertStringIncludes(stderr, `damaged: linux/amd64 ${amd64}`);
  assertStringIncludes(stderr, "403");
  assertStringIncludes(stderr, "Done: 1 held, 0 not there yet, 2 failed");
  assertEquals(
    (await Deno.readTextFile(far.failed)).split("\n").filter((line) =>
      line && !line.startsWith("#")
    ),
    ["corp/damaged:v1", "corp/denied:v1"],
  );
});

Deno.test("receipt: images are looked for where load puts them", async () => {
  await using far = new Far();
  const app = makeImage({ seed: "app" });
  far.registry.install("mine/app", "v1", app);
  far.registry.install("mine/moved", "v2", app);
  const { code, stderr } = await far.run(
    "quay.io/corp/app:v1\nquay.io/corp/x old.example/corp/moved v2",
    ["--project=mine"],
  );
  assertEquals(code, 0, stderr);
  assertEquals((await far.receipt()).repositories, [
    contentOf("mine/app", app),
    contentOf("mine/moved", app),
  ]);
});

Deno.test("receipt: a list may name the images as they are there, and foreign layers are not asked for", async () => {
  await using far = new Far({ quirks: { tagsStatus: 403 } });
  const app = makeImage({ seed: "app", foreignLayer: true });
  far.registry.install("corp/app", "v1", app);
  const { host } = far.registry;
  const { code, stderr } = await far.run(
    `${host}/corp/app:v1\nquay.io/corp/app:v1\n`,
  );
  assertEquals(code, 0, stderr);
  const { images, repositories } = await far.receipt();
  assertEquals(images.length, 1);
  assertEquals(repositories, [contentOf("corp/app", app)]);
  assertEquals(stderr.includes("missing"), false);
  assertStringIncludes(
    stderr,
    `the tags of destination ${host}/corp/app cannot be listed (403)`,
  );
});

Deno.test("receipt: a blob of many images is asked for once in a repository", async () => {
  await using far = new Far();
  const base = randomBytes(2000, "base");
  const images = [1, 2, 3, 4].map((n) =>
    makeImage({ seed: `${n}`, layers: [base, 100 + n] })
  );
  for (const [i, image] of images.entries()) {
    far.registry.install("corp/app", `v${i}`, image);
  }
  const list = images.map((_, i) => `corp/app:v${i}`).join("\n");
  const { code, stderr } = await far.run(list, ["-j4"]);
  assertEquals(code, 0, stderr);
  assertEquals(far.registry.count({ kind: "blob", method: "HEAD" }), 9);
  assertEquals((await far.receipt()).repositories, [
    contentOf("corp/app", ...images),
  ]);
});

Deno.test("receipt: it goes to standard output, and never over another output", async () => {
  await using far = new Far();
  far.registry.install("corp/app", "v1", makeImage({ seed: "app" }));
  const run = (flags: string[]) => far.run("corp/app:v1", flags);
  const { code, stdout } = await run(["-o-"]);
  assertEquals([code, JSON.parse(stdout).kind], [0, "receipt"]);
  for (
    const [flags, text] of [
      [[`-o=${far.failed}`], "the failed list goes to the same file"],
      [
        [`-o=${far.output}`, `--report=${far.output}`],
        "the report goes to the same file",
      ],
      [[`-o=${far.directory}`], "it is a directory"],
      [[`-o=${far.directory}/none/r`], "there is no directory"],
    ] as const
  ) {
    far.registry.clear();
    const { code, stderr } = await run([...flags]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, text);
    assertStringIncludes(stderr, "--output");
    assertEquals(far.registry.requests.length, 0);
  }
  assertEquals((await hangar(["receipt", "-f-"], { stdin: "a" })).code, 2);
});

Deno.test("receipt: an interrupted run leaves the receipt of before", async () => {
  await using far = new Far();
  far.registry.install("corp/app", "v1", makeImage({ seed: "app" }));
  await Deno.writeTextFile(far.output, "of before");
  const { code } = await hangar([
    "receipt",
    "-f-",
    `-d=http://${far.registry.host}`,
    `-o=${far.output}`,
    `--failed=${far.failed}`,
  ], { stdin: "corp/app:v1", onStart: (interrupt) => interrupt() });
  assertEquals(code, 130);
  assertEquals(await Deno.readTextFile(far.output), "of before");
});

Deno.test("receipt: on a terminal each image is one line", async () => {
  await using far = new Far();
  far.registry.install("corp/app", "v1", makeImage({ seed: "app" }));
  const { code, stderr } = await far.run("corp/app:v1\ncorp/new:v1\n", [], {
    terminal: { columns: 80, rows: 24 },
  });
  assertEquals(code, 0, stderr);
  const lines = stderr.split("\n").map((line) =>
    line.slice(line.indexOf("] [") + 2)
  ).filter((line) => line.startsWith("[INFO] [IMG:"));
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0]!, "[INFO] [IMG:1] held        app:v1");
  assertStringIncludes(lines[1]!, "[INFO] [IMG:2] not there   new:v1");
});
