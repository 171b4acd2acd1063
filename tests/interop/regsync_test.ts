/**
 * `regsync once` and hangar on the same files: the same tags with the same
 * digests. HANGAR_REGSYNC_SEEDS=300 runs more of them; a failure names its seed,
 * and HANGAR_REGSYNC_SEED=… runs that one.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import {
  type MadeImage,
  makeArtifact,
  makeImage,
  makeIndex,
  makeReferrer,
  makeSignatures,
} from "../support/images.ts";
import { pick, seeded } from "../support/random.ts";
import { optionalTool, run } from "./support/tools.ts";

const REGSYNC = optionalTool("regsync");

const PLATFORMS = [
  "linux/amd64",
  "linux/arm64",
  "linux/arm/v7",
  "linux/s390x",
  "windows/amd64",
];
const TAGS = [
  "latest",
  "edge",
  "1",
  "1.2",
  "1.2.3",
  "v1.2.3",
  "v1.10.0",
  "v2.0.0-rc.1",
  "v2.0.0-rc2",
  "v2.0.0",
  "2.1.0-alpha.10",
  "2024-01-15",
  "20240201",
  "3.0-alpine",
];
const REPOSITORIES = ["app", "team/db", "team/web"];
// None of these matches a tag of signatures: to regsync that is an image like any
// other, while hangar brings it along with its image, and unites it.
const ALLOW = [
  "latest",
  "v.*",
  "v?\\d+\\.\\d+\\.\\d+",
  "(?i)V1.*",
  "1|latest",
  "[^vs].*",
  ".*-(?:rc|alpha).*",
  "\\d{8}",
];
const RANGES = [
  ">=1.0 <2.0",
  "^1.2.3",
  "~1.2",
  "<2.0.0",
  ">=2.0.0-rc.1",
  "1.2.3",
  ">1",
];

type Random = () => number;

function someOf<T>(random: Random, things: readonly T[], share: number): T[] {
  return things.filter(() => random() < share);
}

/** A registry with repositories that a seed makes up. */
function makeSource(random: Random, seed: number): FakeRegistry {
  const source = FakeRegistry.start({ referrers: true });
  for (const repository of REPOSITORIES) {
    for (const tag of someOf(random, TAGS, 0.5)) {
      const image = makeOne(random, `${seed} ${repository}:${tag}`);
      source.install(repository, tag, image);
      if (random() < 0.3) attach(random, source, repository, image);
    }
    source.install(repository, "always", makeOne(random, `${seed} always`));
  }
  return source;
}

function makeOne(random: Random, seed: string): MadeImage {
  const kind = random();
  if (kind < 0.15) return makeArtifact(seed);
  if (kind < 0.35) return makeImage({ seed, docker: random() < 0.5 });
  const platforms = someOf(random, PLATFORMS, 0.6);
  const docker = random() < 0.3;
  return makeIndex(
    ["linux/amd64", ...platforms.filter((p) => p !== "linux/amd64")].map(
      (platform) =>
        makeImage({ seed: `${seed} ${platform}`, platform, docker }),
    ),
    { docker, attestations: !docker && random() < 0.2 },
  );
}

function attach(
  random: Random,
  source: FakeRegistry,
  repository: string,
  image: MadeImage,
): void {
  if (random() < 0.5) {
    const tag = `${image.digest.replace(":", "-")}.sig`;
    source.install(repository, tag, makeSignatures(image.digest, ["k"]));
  }
  const type = pick(random, ["application/a", "application/b"]);
  source.install(
    repository,
    undefined,
    makeReferrer(image, `${image.digest} ${type}`, type),
  );
}

/** A `regsync.yaml`; what decides is said, so that both sides hear it. */
function makeFile(random: Random): Record<string, unknown> {
  const entries = Array.from(
    { length: 1 + Math.floor(random() * 4) },
    (_, i) => makeEntry(random, i),
  );
  const flag = () => random() < 0.5;
  return {
    version: 1,
    creds: [
      { registry: "SRC", tls: "disabled" },
      { registry: "DST", tls: "disabled" },
    ],
    defaults: {
      digestTags: flag(),
      referrers: flag(),
      fastCheck: flag(),
      ...(random() < 0.3 && { backup: "kept-{{.Ref.Tag}}" }),
    },
    sync: entries,
  };
}

function makeEntry(random: Random, i: number): Record<string, unknown> {
  const repository = pick(random, REPOSITORIES);
  const settings = {
    ...(random() < 0.25 && { platform: "linux/amd64" }),
    ...(random() < 0.2 && { digestTags: true, referrers: true }),
    ...(random() < 0.2 && {
      referrers: true,
      referrerFilters: [{ artifactType: "application/a" }],
    }),
    ...(random() < 0.15 && { forceRecursive: true }),
    ...(random() < 0.15 &&
      { mediaTypes: ["application/vnd.oci.image.index.v1+json"] }),
  };
  const kind = random();
  if (kind < 0.4) {
    const tag = random() < 0.5 ? ":always" : ":copy";
    return {
      source: `SRC/${repository}:always`,
      target: `DST/m${i}/${repository}${tag}`,
      type: "image",
      ...settings,
    };
  }
  const tags = makeTags(random);
  if (kind < 0.9) {
    return {
      source: `SRC/${repository}`,
      target: `DST/m${i}/${repository}`,
      type: "repository",
      ...tags,
      ...settings,
    };
  }
  return {
    source: "SRC",
    target: `DST/m${i}`,
    type: "registry",
    repos: pick(random, [
      { allow: ["team/.*"] },
      { deny: ["app"] },
      { allow: [".*"], deny: [".*/db"] },
    ]),
    ...tags,
    ...settings,
  };
}

function makeTags(random: Random): Record<string, unknown> {
  const rule = () => ({
    ...(random() < 0.5 && { allow: someOf(random, ALLOW, 0.3) }),
    ...(random() < 0.4 && { deny: someOf(random, ALLOW, 0.2) }),
    ...(random() < 0.4 && { semverRange: someOf(random, RANGES, 0.3) }),
  });
  // Without any rule, tags of signatures are images to regsync, too.
  const own = { allow: [pick(random, ALLOW)], ...rule() };
  const set = { allow: [pick(random, ALLOW)], ...rule() };
  const withAllow = (one: typeof own) =>
    one.allow.length > 0 ? one : { ...one, allow: ["v.*"] };
  return {
    tags: withAllow(own),
    ...(random() < 0.3 && { tagSets: [withAllow(set)] }),
  };
}

/** The tags and what they point at; those of one image alone, with it. */
function contentOf(registry: FakeRegistry): string[] {
  return registry.tags().map((name) => {
    const [repository = "", tag = ""] = name.split(":");
    return `${name} ${registry.digestOf(repository, tag)}`;
  });
}

/** What is not copied alike on purpose. */
function comparable(lines: readonly string[]): string[] {
  // With a referrers API, the list of referrers under a tag has no use.
  return lines.filter((line) => !/:sha256-[0-9a-f]{64} /.test(line));
}

/** @returns how many tags there are at either destination */
async function compare(seed: number): Promise<number> {
  const random = seeded(seed);
  await using source = makeSource(random, seed);
  await using theirs = FakeRegistry.start({ referrers: true });
  await using ours = FakeRegistry.start({ referrers: true });
  const file = JSON.stringify(makeFile(random), null, 1);
  // Some targets hold something else already.
  for (const repository of someOf(random, REPOSITORIES, 0.3)) {
    const old = makeIndex([
      makeImage({ seed: "old", platform: "linux/s390x" }),
    ]);
    for (const registry of [theirs, ours]) {
      registry.install(`m0/${repository}`, "always", old);
    }
  }
  const directory = await Deno.makeTempDir();
  try {
    const fileFor = async (registry: FakeRegistry, name: string) => {
      const path = `${directory}/${name}.yaml`;
      await Deno.writeTextFile(
        path,
        file.replaceAll("SRC", source.host).replaceAll("DST", registry.host),
      );
      return path;
    };
    const their = await run(REGSYNC!, [
      "once",
      "-c",
      await fileFor(theirs, "theirs"),
    ], { env: { HOME: directory } });
    const our = await hangar([
      "mirror",
      "-f",
      await fileFor(ours, "ours"),
      `--failed=${directory}/failed.txt`,
    ]);
    const told = `seed ${seed}\n${file}\n${their.stderr}\n${our.stderr}`;
    assertEquals(
      comparable(contentOf(ours)),
      comparable(contentOf(theirs)),
      told,
    );
    const referrersOf = (registry: FakeRegistry) =>
      contentOf(registry).flatMap((line) => {
        const [name = "", digest = ""] = line.split(" ");
        const [repository = ""] = name.split(":");
        return registry.referrersOf(repository, digest).map((r) =>
          `${repository} ${digest} ${r.digest}`
        );
      }).sort();
    assertEquals(referrersOf(ours), referrersOf(theirs), told);
    // A run that does nothing at all is a mistake to hangar.
    const isIdle = our.stderr.includes("no tag was chosen, so there was");
    assertEquals(our.code === 0 || isIdle, their.code === 0, told);
    return contentOf(theirs).length;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const seeds = Deno.env.get("HANGAR_REGSYNC_SEED") !== undefined
  ? [Number(Deno.env.get("HANGAR_REGSYNC_SEED"))]
  : Array.from(
    { length: Number(Deno.env.get("HANGAR_REGSYNC_SEEDS") ?? 40) },
    (_, i) => i + 1,
  );

Deno.test({
  name:
    `interop: regsync once and hangar mirror agree on ${seeds.length} files`,
  ignore: REGSYNC === undefined,
  fn: async () => {
    let tags = 0;
    for (const seed of seeds) tags += await compare(seed);
    assertEquals(tags > seeds.length, true);
  },
});
