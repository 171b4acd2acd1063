import { assertEquals, assertStringIncludes } from "@std/assert";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  makeReferrer,
  makeSignatures,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";

/** A pair, and hangar on a regsync.yaml between them. */
class SyncPair extends Pair {
  readonly file = `${this.directory}/regsync.yaml`;

  /** `SRC` and `DST` in a file stand for the registries. */
  fill(yaml: string): string {
    return yaml.replaceAll("SRC", this.source.host).replaceAll(
      "DST",
      this.destination.host,
    );
  }

  async run(
    yaml: string,
    flags: readonly string[] = [],
    options: HangarOptions = {},
  ) {
    await Deno.writeTextFile(this.file, this.fill(yaml));
    const words = flags[0] === "validate"
      ? ["mirror", "validate", ...flags.slice(1)]
      : ["mirror", ...flags];
    return await hangar(
      [...words, `--file=${this.file}`, `--failed=${this.failed}`],
      options,
    );
  }

  put(repository: string, tag: string, ...platforms: string[]): MadeImage {
    const index = makeIndex(
      (platforms.length > 0 ? platforms : ["linux/amd64"]).map((platform) =>
        makeImage({ seed: `${repository}:${tag}`, platform })
      ),
    );
    this.source.install(repository, tag, index);
    return index;
  }
}

const FOUR = ["linux/amd64", "linux/arm64", "linux/s390x", "windows/amd64"];

Deno.test("regsync: an image is copied whole, and to a tag of its own", async () => {
  await using pair = new SyncPair();
  const app = pair.put("corp/app", "v1", ...FOUR);
  const { code, stderr } = await pair.run(`
version: 1
sync:
- source: SRC/corp/app:v1
  target: DST/mirror/app:stable
  type: image
`);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("mirror/app", "stable"), app.digest);
});

Deno.test("regsync: platform gives that manifest itself, platforms an index of them", async () => {
  await using pair = new SyncPair();
  const app = pair.put("corp/app", "v1", ...FOUR);
  const [amd, arm, , windows] = app.manifests.map((m) => m.digest);
  const { code, stderr } = await pair.run(`
sync:
- {source: SRC/corp/app:v1, target: DST/one/app:v1, type: image, platform: linux/arm64}
- source: SRC/corp/app:v1
  target: DST/two/app:v1
  type: image
  platforms: [linux/amd64, windows/amd64]
`);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("one/app", "v1"), arm);
  assertEquals(pair.destination.entries("two/app", "v1"), [amd, windows]);
  const again = await pair.run(
    await Deno.readTextFile(pair.file),
    ["validate"],
  );
  assertEquals(again.code, 0, again.stderr);
  const second = await pair.run(await Deno.readTextFile(pair.file));
  assertStringIncludes(second.stderr, "2 up to date");
});

Deno.test("regsync: a platform that the image lacks is a failure that names those there are", async () => {
  await using pair = new SyncPair();
  pair.put("corp/app", "v1", "linux/amd64");
  const { code, stderr } = await pair.run(
    "sync: [{source: 'SRC/corp/app:v1', target: 'DST/a:v1', type: image, platform: linux/s390x}]",
  );
  assertEquals(code, 1, stderr);
  assertStringIncludes(
    stderr,
    "no image for linux/s390x: there is linux/amd64",
  );
});

Deno.test("regsync: a flag that is given says which platforms, the default does not", async () => {
  await using pair = new SyncPair();
  const app = pair.put("corp/app", "v1", ...FOUR);
  const [amd] = app.manifests.map((m) => m.digest);
  const yaml =
    "sync: [{source: 'SRC/corp/app:v1', target: 'DST/a:v1', type: image}]";
  await pair.run(yaml, ["--arch=amd64", "--os=linux"]);
  assertEquals(pair.destination.entries("a", "v1"), [amd]);
  await pair.run(yaml);
  assertEquals(pair.destination.digestOf("a", "v1"), app.digest);
});

Deno.test("regsync: what the tag held before is replaced, not merged with", async () => {
  await using pair = new SyncPair();
  const old = makeIndex([
    makeImage({ seed: "old", platform: "linux/s390x" }),
    makeImage({ seed: "old", platform: "linux/amd64" }),
  ]);
  pair.destination.install("a", "v1", old);
  const app = pair.put("corp/app", "v1", "linux/amd64", "linux/arm64");
  const { code, stderr } = await pair.run(
    "sync: [{source: 'SRC/corp/app:v1', target: 'DST/a:v1', type: image}]",
  );
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("a", "v1"), app.digest);
});

Deno.test("regsync: tags are chosen by semverRange, allow and deny, and by sets", async () => {
  await using pair = new SyncPair();
  for (
    const tag of ["v1.0", "v1.1", "v1.2-rc1", "v2.0", "latest", "edge", "3"]
  ) pair.put("corp/app", tag);
  const { code, stderr } = await pair.run(`
sync:
- source: SRC/corp/app
  target: DST/ranges
  type: repository
  tags:
    semverRange: [">=1.1 <2"]
    allow: ["v.*"]
    deny: [".*-rc\\\\d+"]
- source: SRC/corp/app
  target: DST/sets
  type: repository
  tagSets:
  - allow: [latest]
  - allow: ['v2\\.\\d+']
- source: SRC/corp/app
  target: DST/all
  type: repository
`);
  assertEquals(code, 0, stderr);
  assertEquals(
    pair.destination.tags().filter((tag) => !tag.startsWith("all:")),
    ["ranges:v1.1", "sets:latest", "sets:v2.0"],
  );
  assertEquals(
    pair.destination.tags().filter((tag) => tag.startsWith("all:")).length,
    7,
  );
  assertEquals(pair.source.count({ kind: "tags" }), 1);
});

Deno.test("regsync: an expression is anchored as regsync does it, around all of its alternatives", async () => {
  await using pair = new SyncPair();
  for (const tag of ["a1", "1b", "a", "b", "xa"]) pair.put("corp/app", tag);
  await pair.run(
    "sync: [{source: SRC/corp/app, target: DST/t, type: repository, tags: {allow: ['a|b']}}]",
  );
  // ^a|b$
  assertEquals(pair.destination.tags(), ["t:1b", "t:a", "t:a1", "t:b"]);
});

Deno.test("regsync: a registry is listed, page by page, and its repositories are chosen", async () => {
  await using pair = new SyncPair({}, { tagPageSize: 1 });
  for (const name of ["corp/app", "corp/db", "other/x"]) pair.put(name, "v1");
  pair.put("corp/app", "v2");
  const { code, stderr } = await pair.run(`
sync:
- source: SRC
  target: DST/mirror
  type: registry
  repos: {allow: ["corp/.*"], deny: [".*/db"]}
  tags: {allow: ["v1"]}
`);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags(), ["mirror/corp/app:v1"]);
});

Deno.test("regsync: digestTags and referrers decide what comes along", async () => {
  const options = { referrers: true };
  await using pair = new SyncPair(options, options);
  const app = pair.put("corp/app", "v1");
  const hex = app.digest.slice("sha256:".length);
  const [sig, other] = [`sha256-${hex}.sig`, `sha256-${hex}.extra`];
  pair.source.install("corp/app", sig, makeSignatures(app.digest, ["k"]));
  pair.source.install("corp/app", other, makeImage({ seed: "extra" }));
  const sbom = makeReferrer(app, "sbom");
  const scan = makeReferrer(app, "scan", "application/x-scan");
  for (const made of [sbom, scan]) {
    pair.source.install("corp/app", undefined, made);
  }
  const { code, stderr } = await pair.run(`
defaults: {fastCheck: false}
x-common: &common {source: "SRC/corp/app:v1", type: image}
sync:
- {<<: *common, target: "DST/usual:v1"}
- {<<: *common, target: "DST/none:v1", digestTags: false, referrers: false}
- {<<: *common, target: "DST/all:v1", digestTags: true, referrers: true}
- <<: *common
  target: DST/some:v1
  referrers: true
  referrerFilters: [{artifactType: application/x-scan}]
- <<: *common
  target: DST/noted:v1
  referrers: true
  referrerFilters: [{annotations: {seed: sbom}}]
- {<<: *common, target: "DST/away:v1", referrers: true, referrerTarget: "DST/refs"}
`);
  assertEquals(code, 0, stderr);
  const tagsOf = (repository: string) =>
    pair.destination.tags().filter((t) => t.startsWith(`${repository}:`))
      .map((t) => t.slice(repository.length + 1));
  const referrersOf = (repository: string) =>
    pair.destination.referrersOf(repository, app.digest).map((r) => r.digest)
      .sort();
  const both = [sbom.digest, scan.digest].sort();
  assertEquals([tagsOf("usual"), referrersOf("usual")], [[sig, "v1"], both]);
  assertEquals([tagsOf("none"), referrersOf("none")], [["v1"], []]);
  assertEquals([tagsOf("all"), referrersOf("all")], [[other, sig, "v1"], both]);
  assertEquals(referrersOf("some"), [scan.digest]);
  assertEquals(referrersOf("noted"), [sbom.digest]);
  assertEquals([referrersOf("away"), referrersOf("refs")], [[], both]);
  const checked = await pair.run(await Deno.readTextFile(pair.file), [
    "validate",
  ]);
  assertEquals(checked.code, 0, checked.stderr);
});

Deno.test("regsync: referrers come from where the entry says", async () => {
  const options = { referrers: true };
  await using pair = new SyncPair(options, options);
  const app = pair.put("corp/app", "v1");
  const sbom = makeReferrer(app, "sbom");
  pair.source.install("corp/refs", undefined, sbom);
  const { code, stderr } = await pair.run(`
sync:
- source: SRC/corp/app:v1
  target: DST/a:v1
  type: image
  referrers: true
  referrerSource: SRC/corp/refs
`);
  assertEquals(code, 0, stderr);
  assertEquals(
    pair.destination.referrersOf("a", app.digest).map((r) => r.digest),
    [sbom.digest],
  );
});

Deno.test("regsync: fastCheck looks for nothing where the tag is up to date", async () => {
  const options = { referrers: true };
  await using pair = new SyncPair(options, options);
  const app = pair.put("corp/app", "v1");
  const yaml = (fast: boolean) =>
    `sync: [{source: 'SRC/corp/app:v1', target: 'DST/a:v1', type: image, fastCheck: ${fast}}]`;
  await pair.run(yaml(true));
  pair.source.install("corp/app", undefined, makeReferrer(app, "sbom"));
  await pair.run(yaml(true));
  assertEquals(pair.destination.referrersOf("a", app.digest), []);
  await pair.run(yaml(false));
  assertEquals(pair.destination.referrersOf("a", app.digest).length, 1);
});

Deno.test("regsync: forceRecursive takes nothing at the destination for granted", async () => {
  await using pair = new SyncPair();
  const app = pair.put("corp/app", "v1");
  const yaml = (force: boolean) =>
    `sync: [{source: 'SRC/corp/app:v1', target: 'DST/a:v1', type: image, forceRecursive: ${force}}]`;
  await pair.run(yaml(false));
  const [blob] = app.blobs.keys();
  pair.destination.remove("a", blob!);
  await pair.run(yaml(false));
  assertEquals(pair.destination.hasBlob("a", blob!), false);
  const { code, stderr } = await pair.run(yaml(true));
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.hasBlob("a", blob!), true);
});

Deno.test("regsync: includeExternal copies layers that are elsewhere", async () => {
  await using pair = new SyncPair();
  const image = makeImage({ seed: "w", foreignLayer: true });
  pair.source.install("corp/w", "v1", image);
  const manifest = JSON.parse(new TextDecoder().decode(image.bytes));
  const foreign = manifest.layers.find((l: { urls?: string[] }) => l.urls);
  const yaml = (include: boolean) =>
    `sync: [{source: 'SRC/corp/w:v1', target: 'DST/w:v1', type: image, includeExternal: ${include}}]`;
  const without = await pair.run(yaml(false));
  assertEquals(without.code, 0, without.stderr);
  const asked = () =>
    pair.source.count({ kind: "blob", reference: foreign.digest });
  assertEquals(asked(), 0);
  pair.damaged = true;
  pair.destination.remove("w", image.digest);
  await pair.run(yaml(true));
  assertEquals(asked() > 0, true);
});

Deno.test("regsync: other media types are left out", async () => {
  await using pair = new SyncPair();
  pair.put("corp/app", "v1");
  const single = makeImage({ seed: "single" });
  pair.source.install("corp/app", "v2", single);
  const { code, stderr } = await pair.run(`
sync:
- source: SRC/corp/app
  target: DST/a
  type: repository
  mediaTypes: [application/vnd.oci.image.manifest.v1+json]
`);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags(), ["a:v2"]);
  assertStringIncludes(
    stderr,
    "left out: its type is application/vnd.oci.image.index.v1+json",
  );
});

Deno.test("regsync: a backup is kept before a tag is replaced, and only then", async () => {
  await using pair = new SyncPair();
  const yaml = `
defaults: {backup: "bkup-{{.Ref.Tag}}-{{.Sync.Type}}"}
sync:
- {source: "SRC/corp/app:v1", target: "DST/a:v1", type: image}
- source: SRC/corp/app:v1
  target: DST/b:v1
  type: image
  backup: "DST/kept/{{ .Ref.Repository }}:{{ .Ref.Tag | upper }}"
`;
  const old = makeIndex([makeImage({ seed: "old" })]);
  pair.destination.install("a", "v1", old);
  pair.destination.install("b", "v1", old);
  pair.put("corp/app", "v1");
  const { code, stderr } = await pair.run(yaml);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("a", "bkup-v1-image"), old.digest);
  assertEquals(pair.destination.digestOf("kept/b", "V1"), old.digest);
  const tags = pair.destination.tags();
  await pair.run(yaml);
  assertEquals(pair.destination.tags(), tags);
  assertEquals(pair.destination.digestOf("a", "bkup-v1-image"), old.digest);
});

Deno.test("regsync: what is written anew and stays the same needs no backup", async () => {
  await using pair = new SyncPair();
  pair.put("corp/app", "v1");
  const yaml =
    "sync: [{source: 'SRC/corp/app:v1', target: 'DST/a:v1', type: image, forceRecursive: true, backup: old}]";
  await pair.run(yaml);
  await pair.run(yaml);
  assertEquals(pair.destination.tags(), ["a:v1"]);
});

Deno.test("regsync: a pinned source goes to the target's tag", async () => {
  await using pair = new SyncPair();
  const app = pair.put("corp/app", "v1", ...FOUR);
  const { code, stderr } = await pair.run(
    `sync: [{source: 'SRC/corp/app@${app.digest}', target: 'DST/a:pinned', type: image}]`,
  );
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("a", "pinned"), app.digest);
});

Deno.test("regsync: of several entries for one tag the last one counts", async () => {
  await using pair = new SyncPair();
  pair.put("corp/app", "v1", "linux/amd64");
  const last = pair.put("corp/app", "v2", "linux/arm64");
  const { code, stderr } = await pair.run(`
sync:
- {source: "SRC/corp/app:v1", target: "DST/a:v", type: image}
- {source: "SRC/corp/app:v2", target: "DST/a:v", type: image}
`);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("a", "v"), last.digest);
  assertStringIncludes(stderr, "lines 3 and 4 all write");
});

Deno.test("regsync: templates take variables and files, and creds log in", async () => {
  const auth = { kind: "basic", username: "me", password: "s3cret" } as const;
  await using pair = new SyncPair({ auth });
  pair.put("corp/app", "v1");
  await Deno.writeTextFile(`${pair.directory}/pass`, "s3cret\n");
  const { code, stderr } = await pair.run(
    `
creds:
- registry: DST
  user: '{{env "SYNC_USER"}}'
  pass: '{{file "${pair.directory}/pass"}}'
sync:
- source: SRC/corp/{{ env "NAME" | lower }}:v1
  target: DST/{{ join (split "a.b" ".") "/" }}:{{ default "v" "" }}
  type: image
`,
    [],
    { env: { SYNC_USER: "me", NAME: "APP" } },
  );
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.tags(), ["a/b:v"]);
  assertEquals(stderr.includes("s3cret"), false);
});

Deno.test("regsync: hostname, mirrors and pathPrefix say where a registry is", async () => {
  await using pair = new SyncPair();
  await using mirror = FakeRegistry.start();
  const app = pair.put("corp/app", "v1");
  const db = makeIndex([makeImage({ seed: "db" })]);
  mirror.install("cache/corp/db", "v1", db);
  const { code, stderr } = await pair.run(`
creds:
- {registry: source.example, hostname: SRC, tls: disabled, mirrors: ["${mirror.host}"]}
- {registry: "${mirror.host}", pathPrefix: cache, reqConcurrent: 1, reqPerSec: 1000}
sync:
- {source: "source.example/corp/app:v1", target: "DST/app:v1", type: image}
- {source: "source.example/corp/db:v1", target: "DST/db:v1", type: image}
`);
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("app", "v1"), app.digest);
  assertEquals(pair.destination.digestOf("db", "v1"), db.digest);
  assertEquals(mirror.maxConcurrent, 1);
});

Deno.test("regsync: a failed list repeats the settings, and --file takes it", async () => {
  await using pair = new SyncPair();
  const app = pair.put("corp/app", "v1", ...FOUR);
  pair.put("corp/app", "v2", ...FOUR);
  const broken = pair.source.fault({
    match: { kind: "manifest" },
    action: { status: 403 },
  });
  const first = await pair.run(`
defaults: {referrers: false}
sync:
- {source: "SRC/corp/app:v1", target: "DST/one:v1", type: image, platform: linux/arm64}
- {source: "SRC/corp/app:v1", target: "DST/two:stable", type: image}
- source: SRC/corp/app
  target: DST/three
  type: repository
  tags: {allow: [v1]}
- {source: SRC/corp/none, target: DST/four, type: repository, tags: {deny: [x]}}
`);
  assertEquals(first.code, 1, first.stderr);
  const { source, destination } = pair;
  assertEquals(await pair.failedLines(), [
    `${source.host}/corp/app ${destination.host}/one v1 # regsync {"referrers":false,"platform":"linux/arm64"}`,
    `${source.host}/corp/app:v1 # regsync {"target":"${destination.host}/two:stable","referrers":false}`,
    `${source.host}/corp/app ${destination.host}/three v1 # regsync {"referrers":false}`,
    `${source.host}/corp/none # regsync {"type":"repository","target":"${destination.host}/four","referrers":false,"tags":{"deny":["x"]}}`,
  ]);
  broken();
  const again = await pair.run(await Deno.readTextFile(pair.failed));
  assertEquals(again.code, 1, again.stderr);
  assertEquals(destination.digestOf("one", "v1"), app.manifests[1]!.digest);
  assertEquals(destination.digestOf("two", "stable"), app.digest);
  assertEquals(destination.digestOf("three", "v1"), app.digest);
  assertEquals((await pair.failedLines()).length, 1);
});

const REFUSED: readonly [string, string, string][] = [
  [
    "hooks",
    "sync: [{source: a, target: b, type: image, hooks: {pre: {type: x}}}]",
    "1: sync[0].hooks.pre: hangar runs no hooks",
  ],
  [
    "an unknown key",
    "sync:\n- source: a\n  target: b\n  type: image\n  platfrom: x",
    "5: sync[0].platfrom: hangar does not know",
  ],
  [
    "an unknown type",
    "sync:\n- {source: a, target: b, type: images}",
    "2: sync[0].type: want image, repository or registry",
  ],
  [
    "a version to come",
    "version: 2\nsync: []",
    "1: version: hangar knows version 1",
  ],
  [
    "an expression",
    "sync:\n- source: a\n  target: b\n  type: repository\n  tags:\n    allow:\n    - '['",
    '7: sync[0].tags.allow[0]: "[" is not a regular expression',
  ],
  [
    "a range",
    "sync: [{source: a, target: b, type: repository, tags: {semverRange: ['>x']}}]",
    '1: sync[0].tags.semverRange[0]: ">x" is not a range',
  ],
  [
    "a layout",
    "sync: [{source: 'ocidir://x', target: b, type: image}]",
    "1: sync[0].source: hangar reads and writes registries",
  ],
  [
    "a template",
    "sync: [{source: '{{ nope }}', target: b, type: image}]",
    "1: sync[0].source: the template cannot be filled in: there is no function nope",
  ],
  [
    "a platform",
    "sync: [{source: a, target: b, type: image, platform: linux/amd46}]",
    "1: sync[0].platform: ",
  ],
  [
    "a name",
    "sync: [{source: a/B/c, target: b, type: image}]",
    "1: sync[0].source: invalid reference",
  ],
  [
    "a digest of another",
    `sync: [{source: a, target: 'b@sha256:${"0".repeat(64)}', type: image}]`,
    "1: sync[0].target: a target has the digest of its source",
  ],
  [
    "no target",
    "sync:\n- source: a\n  type: image",
    "2: sync[0]: it lacks target",
  ],
  ["no YAML", "sync:\n- {source: a", "this is not YAML"],
  ["YAML of others", "a: 1\nb: 2", "is YAML, but no list that hangar knows"],
  [
    "apiOpts",
    "creds: [{registry: r.io, apiOpts: {disableHead: 'true'}}]\nsync: []",
    "1: creds[0].apiOpts: ",
  ],
];

for (const [what, yaml, error] of REFUSED) {
  Deno.test(`regsync: ${what} is refused by key and line, before anything is copied`, async () => {
    await using pair = new SyncPair();
    const { code, stderr } = await pair.run(yaml);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, error);
    assertEquals(pair.destination.requests.length, 0);
  });
}

Deno.test("regsync: schedule and interval are for others, and what only tunes regsync is told", async () => {
  await using pair = new SyncPair();
  pair.put("corp/app", "v1");
  const { code, stderr } = await pair.run(`
version: 1
defaults: {interval: 60m, schedule: "0 * * * *", cacheCount: 500, cacheTime: 5m, parallel: 4}
sync:
- {source: "SRC/corp/app:v1", target: "DST/a:v1", type: image, interval: 12h}
`);
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    "regsync.yaml:3: defaults.cacheCount has no effect",
  );
});

Deno.test("regsync: a file is saved into an archive, and loaded by the same file", async () => {
  await using pair = new SyncPair();
  const app = pair.put("corp/app", "v1", ...FOUR);
  pair.put("corp/app", "v2");
  const yaml = `
sync:
- {source: "SRC/corp/app:v1", target: "DST/one:stable", type: image, platform: linux/arm64}
- source: SRC/corp/app
  target: DST/all
  type: repository
  tags: {allow: ["v.*"]}
`;
  await Deno.writeTextFile(pair.file, pair.fill(yaml));
  const archive = `${pair.directory}/a.tar`;
  const list = [`--file=${pair.file}`, `--failed=${pair.failed}`];
  const saved = await hangar(["save", ...list, `--destination=${archive}`]);
  assertEquals(saved.code, 0, saved.stderr);
  const loaded = await hangar([
    "load",
    ...list,
    `--source=${archive}`,
    `--destination=${pair.destination.host}`,
  ]);
  assertEquals(loaded.code, 0, loaded.stderr);
  const { destination } = pair;
  assertEquals(destination.tags(), ["all:v1", "all:v2", "one:stable"]);
  assertEquals(destination.digestOf("all", "v1"), app.digest);
  assertEquals(
    destination.digestOf("one", "stable"),
    app.manifests[1]!.digest,
  );
});

Deno.test("regsync: a dry run shows the lines, and needs no write", async () => {
  await using pair = new SyncPair();
  pair.put("corp/app", "v1");
  pair.put("corp/app", "v2");
  const { code, stderr } = await pair.run(
    "sync: [{source: SRC/corp/app, target: DST/a, type: repository, platform: linux/amd64}]",
    ["--dry-run"],
  );
  assertEquals(code, 0, stderr);
  assertStringIncludes(
    stderr,
    `regsync.yaml:1: ${pair.source.host}/corp/app ${pair.destination.host}/a v2 # regsync {"platform":"linux/amd64"}`,
  );
  assertEquals(pair.destination.tags(), []);
});
