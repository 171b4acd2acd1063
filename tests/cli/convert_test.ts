import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar } from "../support/hangar.ts";
import { makeImage, makeIndex } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const PINNED = `sha256:${"a".repeat(64)}`;

const MANIFESTS = `---
# Source: chart/templates/web.yaml
apiVersion: apps/v1
kind: StatefulSet
spec:
  template:
    spec:
      initContainers: [{name: i, image: "busybox:1.36"}]
      containers:
      - {name: web, image: "quay.io/corp/web:2@${PINNED}"}
---
apiVersion: batch/v1
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{image: registry.k8s.io/pause}]}}}}}
`;

async function convert(text: string, flags: string[] = []) {
  return await hangar(["convert-list", "-i-", ...flags], { stdin: text });
}

Deno.test("convert-list: the images of Kubernetes manifests, as helm renders them", async () => {
  const { code, stdout, stderr } = await convert(MANIFESTS);
  assertEquals(code, 0, stderr);
  assertEquals(stdout.trim().split("\n"), [
    "docker.io/library/busybox library/busybox 1.36",
    `quay.io/corp/web:2@${PINNED}`,
    "registry.k8s.io/pause library/pause latest",
  ]);
  const there = await convert(MANIFESTS, ["-d", "d.io"]);
  assertEquals(there.stdout.trim().split("\n"), [
    "docker.io/library/busybox d.io/library/busybox 1.36",
    `quay.io/corp/web:2@${PINNED} # regsync {"target":"d.io/corp/web:2"}`,
    "registry.k8s.io/pause d.io/library/pause latest",
  ]);
});

Deno.test("convert-list: the images of a compose file", async () => {
  const { stdout } = await convert(
    "services:\n  a: {image: nginx}\n  b: {image: 'quay.io/b/c:${V:-2}'}\n",
    ["-d", "d.io"],
  );
  assertEquals(stdout.trim().split("\n"), [
    "docker.io/library/nginx d.io/library/nginx latest",
    "quay.io/b/c d.io/b/c 2",
  ]);
});

Deno.test("convert-list: a glob stays one, and --resolve names its tags", async () => {
  await using pair = new Pair();
  for (const tag of ["1.0", "1.1", "1.2", "latest"]) {
    pair.source.install("a/b", tag, makeIndex([makeImage({ seed: tag })]));
  }
  const source = `--source=http://${pair.source.host}`;
  const asked = await convert("a/b:1.*\n", ["-d", "d.io"]);
  assertEquals(asked.stdout, "docker.io/a/b d.io/a/b 1.*\n");
  const { code, stdout, stderr } = await convert("a/b:1.*\na/b:latest\n", [
    "-d=d.io",
    source,
    "--resolve",
    "--newest=2",
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(
    stdout.trim().split("\n"),
    ["1.1", "1.2", "latest"].map((tag) =>
      `${pair.source.host}/a/b d.io/a/b ${tag}`
    ),
  );
});

Deno.test("convert-list: an image that is lost ends with 1, a line that is none does not", async () => {
  await using pair = new Pair();
  const app = makeIndex([makeImage({ seed: "app" })]);
  pair.source.install("a/b", "1.0", app);
  const { host } = pair.source;
  const kept = `${host}/a/b a/b 1.0\n`;
  for (
    const [text, flags, code, error] of [
      [`${host}/a/b:1.0\ntwo fields\n`, [], 0, "-:2: invalid line"],
      [`${host}/a/b:1.*\ntwo fields\n`, ["--resolve"], 0, "-:2: invalid line"],
      [
        `${host}/a/b:1.*\n${host}/c/d:*\n`,
        ["--resolve"],
        1,
        "not converted: -:2: cannot list the tags of",
      ],
      [
        `services:\n a: {image: '${host}/a/b:1.0'}\n b: {image: 'c:\${V}'}\n`,
        [],
        1,
        "not converted: -:3: the variable V is not set",
      ],
      [
        `kind: Pod\napiVersion: v1\nspec:\n containers: [{image: '${host}/a/b:1.0'}, {image: 'a b'}]\n`,
        ["--resolve"],
        1,
        "not converted: -:4: invalid",
      ],
    ] as const
  ) {
    const result = await convert(text, [...flags]);
    assertEquals(result.code, code, result.stderr);
    assertEquals(result.stdout, kept);
    const told = result.stderr.replaceAll("standard input", "-");
    assertStringIncludes(told, error);
    // Each is told once.
    const why = error.replace(/^.*?-:\d+: /, "");
    assertEquals(told.split(why).length, 2, told);
  }
});

Deno.test("convert-list: --resolve keeps what entries of a regsync.yaml say", async () => {
  await using pair = new Pair();
  for (const tag of ["v1", "v2"]) {
    pair.source.install("a/b", tag, makeIndex([makeImage({ seed: tag })]));
  }
  const { source } = pair;
  const { code, stdout, stderr } = await convert(
    `sync: [{source: ${source.host}/a/b, target: d.io/x, type: repository, platform: linux/amd64}]`,
    ["--resolve"],
  );
  assertEquals(code, 0, stderr);
  assertEquals(
    stdout.trim().split("\n"),
    ["v1", "v2"].map((tag) =>
      `${source.host}/a/b d.io/x ${tag} # regsync {"platform":"linux/amd64"}`
    ),
  );
});

Deno.test("convert-list: flags of --resolve are refused without it", async () => {
  const { code, stderr } = await convert("a/b\n", ["--newest=2"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "--newest is for --resolve");
});
