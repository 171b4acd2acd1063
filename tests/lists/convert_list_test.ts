import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HangarError } from "../../src/errors.ts";
import { convertImageList, convertYaml } from "../../src/lists/convert_list.ts";
import { parseImageList } from "../../src/lists/image_list.ts";
import { hangar } from "../support/hangar.ts";

const SHA = `sha256:${"a".repeat(64)}`;

Deno.test("convert: default lines get a destination, mirror lines keep theirs", () => {
  const { lines, left, invalid } = convertImageList(
    `nginx:1\nquay.io/a/b\nregistry.k8s.io/pause:3\nx/y r.io/z 2 # c\nq/w@${SHA}\ntwo fields`,
    "images.txt",
  );
  assertEquals(lines, [
    "docker.io/library/nginx library/nginx 1",
    "quay.io/a/b a/b latest",
    "registry.k8s.io/pause library/pause 3",
    "docker.io/x/y r.io/z 2",
  ]);
  assertEquals(
    [invalid, left].map((all) => all.map((l) => l.split(" ")[0])),
    [["images.txt:6:"], ["images.txt:5:"]],
  );
});

Deno.test("convert: --source and --destination replace every registry", () => {
  const { lines } = convertImageList("nginx:1\nx/y r.io/z 2", "l", {
    source: { host: "s.io" },
    destination: { host: "d.io:5000" },
  });
  assertEquals(lines, [
    "s.io/library/nginx d.io:5000/library/nginx 1",
    "s.io/x/y d.io:5000/z 2",
  ]);
});

Deno.test("convert: regsync entries become lines, and the others are named", () => {
  const { lines, left } = convertYaml(
    `
version: 1
creds: [{registry: docker.io, pass: '{{ env "PASS" }}'}]
sync:
- {source: amazon/aws-cli:2.0.52, target: docker.io/rancher/aws:2.0.52, type: image}
- {source: quay.io/a/b:1, target: r.io/a/b:2, type: image}
- {source: quay.io/a, target: r.io/a, type: repository}
- {source: quay.io/a/b@${SHA}, target: r.io/a/b:1, type: image}
- {source: quay.io/a/b:1, target: r.io/a/b:1, type: image, platform: linux/amd64}
- {source: quay.io/a/b:1, type: image}
- nonsense
`,
    "regsync.yaml",
  );
  assertEquals(lines, [
    "docker.io/amazon/aws-cli docker.io/rancher/aws 2.0.52",
  ]);
  assertEquals(left.map((l) => l.split(/[ :]/)[0]), [
    "sync[1]",
    "sync[2]",
    "sync[3]",
    "sync[4]",
    "sync[5]",
    "sync[6]",
  ]);
});

Deno.test("convert: what regsync's entry says besides stays behind its line", () => {
  const { lines, left } = convertYaml(
    `
defaults: {parallel: 4, interval: 1h, backup: "old-{{.Ref.Tag}}"}
sync:
- {source: quay.io/a/b:1, target: r.io/a/b:1, type: image}
- {source: quay.io/a/c:1, target: r.io/a/c:1, type: image, backup: null, digestTags: false, schedule: "0 * * * *"}
- {source: quay.io/a/d:1, target: r.io/a/d:1, type: image, backup: null}
- {source: quay.io/a/e:1, target: r.io/a/e:1, type: image, hooks: {post: {type: x}}}
`,
    "regsync.yaml",
  );
  assertEquals(lines, [
    'quay.io/a/b r.io/a/b 1 # regsync {"backup":"old-{{.Ref.Tag}}"}',
    'quay.io/a/c r.io/a/c 1 # regsync {"digestTags":false}',
    "quay.io/a/d r.io/a/d 1",
  ]);
  assertEquals(left, ["sync[3] quay.io/a/e:1: hangar runs no hooks"]);
});

Deno.test("convert: a skopeo sync file becomes lines, and the rest is named", () => {
  const { lines, left } = convertYaml(
    `
registry.example.com:
  images:
    busybox: []
    redis: ["1.0", "2.0", "${SHA}"]
  images-by-tag-regex:
    nginx: ^1\\.13
  tls-verify: false
quay.io:
  images:
    coreos/etcd: [latest]
`,
    "sync.yml",
    { destination: { host: "d.io" } },
  );
  assertEquals(lines, [
    "registry.example.com/redis d.io/redis 1.0",
    "registry.example.com/redis d.io/redis 2.0",
    "quay.io/coreos/etcd d.io/coreos/etcd latest",
  ]);
  assertEquals(left.length, 3);
});

for (const text of ["[", "- a", "just text", "a: &a [*a]"]) {
  Deno.test(`convert: ${JSON.stringify(text)} is no reason to crash`, () => {
    try {
      assertEquals(convertYaml(text, "x.yaml").lines, []);
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
    }
  });
}

Deno.test("convert: what is no YAML object is refused by name", () => {
  assertThrows(() => convertYaml("- a", "x.yaml"), HangarError, "x.yaml");
});

Deno.test("convert-list: what it writes is a list that mirror reads, and exit 1 tells what is left", async () => {
  const { code, stdout, stderr } = await hangar(
    ["convert-list", "-i-", "-d", "d.io"],
    { stdin: `nginx:1\na/b@${SHA}\n` },
  );
  assertEquals(code, 1);
  assertEquals(stdout, "docker.io/library/nginx d.io/library/nginx 1\n");
  assertEquals(stderr.includes("standard input:2"), true);
  const list = parseImageList(stdout, "x");
  assertEquals([list.entries.length, list.invalid.length], [1, 0]);
});

Deno.test("convert-list: a line that is no image is told, and is no failure", async () => {
  const { code, stdout, stderr } = await hangar(["convert-list", "-i-"], {
    stdin: "TEST INVALID LINE !\nnginx:1\n",
  });
  assertEquals([code, stdout], [
    0,
    "docker.io/library/nginx library/nginx 1\n",
  ]);
  assertStringIncludes(stderr, "[WARN] standard input:1: ");
});

Deno.test("convert-list: goes beside its input, and asks before it overwrites", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const input = `${directory}/images.txt`;
    const output = `${input}.converted`;
    await Deno.writeTextFile(input, "quay.io/a/b:1\n");
    const run = (...args: string[]) =>
      hangar(["convert-list", "-i", input, "-d", "d.io", ...args]);
    const read = () => Deno.readTextFile(output);
    const first = await run();
    assertEquals([first.code, first.stdout], [0, ""]);
    assertStringIncludes(first.stderr, `Converted ${input} to ${output}`);
    assertEquals(await read(), "quay.io/a/b d.io/a/b 1\n");
    await Deno.writeTextFile(output, "mine");
    assertEquals([(await run()).code, await read()], [2, "mine"]);
    assertEquals((await run("-y")).code, 0);
    assertEquals(await read(), "quay.io/a/b d.io/a/b 1\n");
    assertEquals((await run("-o-")).stdout, await read());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
