import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiArch,
  sha256,
} from "../support/images.ts";

Deno.test("inspect --raw: every kind of manifest, byte for byte and nothing else", async () => {
  await using registry = FakeRegistry.start();
  const made = {
    image: makeImage({ seed: "a" }),
    docker: makeMultiArch("b", { docker: true }),
    index: makeMultiArch("c", { attestations: true }),
    chart: makeArtifact("d"),
  };
  for (const [tag, image] of Object.entries(made)) {
    registry.install("corp/app", tag, image);
    for (const name of [`:${tag}`, `@${image.digest}`]) {
      const { code, stdout, stderr } = await hangar([
        "inspect",
        "--raw",
        `docker://${registry.host}/corp/app${name}`,
      ]);
      assertEquals([code, stderr], [0, ""]);
      assertEquals(stdout, new TextDecoder().decode(image.bytes));
    }
  }
});

Deno.test("inspect --raw: what hangar does not copy is shown all the same", async () => {
  await using registry = FakeRegistry.start();
  for (
    const [tag, mediaType, text] of [
      [
        "schema1",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        '{"schemaVersion": 1,\n "name": "corp/app", "fsLayers": []}',
      ],
      ["other", "application/vnd.example+json", '{"hello": "  world"}\n'],
      ["broken", "application/vnd.oci.image.manifest.v1+json", '{"a": 1,'],
    ] as const
  ) {
    const bytes = new TextEncoder().encode(text);
    const manifest = { bytes, mediaType, digest: sha256(bytes) };
    registry.install("corp/app", tag, {
      ...manifest,
      manifests: [manifest],
      blobs: new Map(),
    });
    for (const name of [`:${tag}`, `@${manifest.digest}`]) {
      const reference = `${registry.host}/corp/app${name}`;
      assertEquals(
        await hangar(["inspect", "--raw", reference]),
        { code: 0, stdout: text, stderr: "" },
      );
      assertEquals((await hangar(["inspect", reference])).code, 1);
    }
  }
});

Deno.test("inspect: the summary of an index shows its platforms and the chosen image", async () => {
  await using registry = FakeRegistry.start();
  const arm = makeImage({ seed: "arm", platform: "linux/arm/v6" });
  const index = makeIndex([makeImage({ seed: "amd" }), arm]);
  registry.install("corp/app", "v1", index);
  const { code, stdout, stderr } = await hangar([
    "inspect",
    `${registry.host}/corp/app:v1`,
    "--override-arch=arm",
    "--override-variant=v6",
  ]);
  assertEquals([code, stderr], [0, ""]);
  const summary = JSON.parse(stdout);
  assertEquals(summary.Digest, index.digest);
  assertEquals(summary.Architecture, "arm");
  assertEquals(summary.RepoTags, ["v1"]);
  assertEquals(summary.Labels, { seed: "arm" });
  assertEquals(summary.Platforms, ["linux/amd64", "linux/arm/v6"]);
  const layers = JSON.parse(new TextDecoder().decode(arm.bytes)).layers;
  assertEquals(
    summary.Layers,
    layers.map((layer: { digest: string }) => layer.digest),
  );
});

Deno.test("inspect: a platform that is not there is named with those that are", async () => {
  await using registry = FakeRegistry.start();
  registry.install("corp/app", "v1", makeMultiArch("app"));
  const { code, stderr } = await hangar([
    "inspect",
    `${registry.host}/corp/app:v1`,
    "--override-arch=s390x",
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "linux/s390x");
  assertStringIncludes(stderr, "it has linux/amd64, linux/arm64");
});

Deno.test("inspect --config: the config as it is with --raw, indented without", async () => {
  await using registry = FakeRegistry.start();
  const image = makeImage({ seed: "a" });
  registry.install("corp/app", "v1", image);
  const config = [...image.blobs.values()].at(-1)!;
  const args = ["inspect", "--config", `${registry.host}/corp/app:v1`];
  assertEquals(
    (await hangar([...args, "--raw"])).stdout,
    new TextDecoder().decode(config),
  );
  assertEquals(
    JSON.parse((await hangar(args)).stdout),
    JSON.parse(new TextDecoder().decode(config)),
  );
});

for (
  const [args, code, word] of [
    [["inspect"], 2, "REF is missing"],
    [["inspect", "UPPER"], 2, "lower case"],
    [["inspect", "a", "b"], 2, '"b"'],
    [["list-tags", "reg.io/a:tag"], 2, "want a repository"],
    [["list-tags", "a", "--format=xml"], 2, "--format"],
  ] as const
) {
  Deno.test(`usage: ${args.join(" ")}`, async () => {
    const result = await hangar(args);
    assertEquals(result.code, code);
    assertStringIncludes(result.stderr, word);
  });
}

Deno.test("inspect: what is not there is one line and exit 1", async () => {
  await using registry = FakeRegistry.start();
  const { code, stdout, stderr } = await hangar([
    "inspect",
    `${registry.host}/corp/none:v1`,
  ]);
  assertEquals([code, stdout], [1, ""]);
  assertEquals(stderr, `hangar: ${registry.host}/corp/none has no tag v1\n`);
});

Deno.test("list-tags: all pages, as text and as JSON", async () => {
  await using registry = FakeRegistry.start({ tagPageSize: 2 });
  for (const tag of ["v1", "v2", "v3", "v4", "v5"]) {
    registry.install("corp/app", tag, makeImage({ seed: "a" }));
  }
  const repository = `${registry.host}/corp/app`;
  const text = await hangar(["list-tags", repository]);
  assertEquals(text.stdout, "v1\nv2\nv3\nv4\nv5\n");
  assertEquals(registry.count({ kind: "tags" }), 3);
  const json = await hangar(["list-tags", repository, "--format=json"]);
  assertEquals(
    json.stdout,
    `${JSON.stringify(["v1", "v2", "v3", "v4", "v5"], null, 2)}\n`,
  );
});

Deno.test("list-tags: a next page at another place is not asked for", async () => {
  await using registry = FakeRegistry.start();
  registry.fault({
    match: { kind: "tags" },
    action: {
      status: 200,
      body: '{"name":"corp/app","tags":["v1"]}',
      headers: { link: '<https://elsewhere.example/v2/>; rel="next"' },
    },
  });
  const { code, stderr } = await hangar([
    "list-tags",
    `${registry.host}/corp/app`,
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "another place");
});

Deno.test("list-tags: an endless listing ends", async () => {
  await using registry = FakeRegistry.start();
  registry.fault({
    match: { kind: "tags" },
    action: {
      status: 200,
      body: '{"name":"corp/app","tags":[]}',
      headers: { link: '</v2/corp/app/tags/list?last=x>; rel="next"' },
    },
  });
  const { code, stderr } = await hangar([
    "list-tags",
    `${registry.host}/corp/app`,
  ]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "more than 1000 pages");
});

Deno.test("version: text and JSON", async () => {
  const text = await hangar(["version"]);
  assert(/^hangar \d+\.\d+\.\d+ \(Deno /.test(text.stdout), text.stdout);
  const json = JSON.parse((await hangar(["version", "--json"])).stdout);
  assertEquals(Object.keys(json), ["version", "deno", "v8", "target"]);
});
