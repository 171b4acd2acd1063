/**
 * `skopeo sync` and hangar on the same files: the same tags with the same
 * digests. HANGAR_SKOPEO_SEEDS=100 runs more of them; a failure names its seed.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { makeImage, makeIndex } from "../support/images.ts";
import { pick, seeded } from "../support/random.ts";
import { interopIgnored, skopeo } from "./support.ts";

const TAGS = ["latest", "1.0", "1.1", "v2.0", "v2.1-rc1", "20240115", "edge"];
const NAMES = ["app", "team/db", "deep/er/web"];
const REGEXES = ["^1\\.", "rc", "^v2", "^(?:latest|edge)$", "\\d{8}", "(?i)V"];

type Random = () => number;

/** A file; tags are not chosen twice, since their order would be skopeo's own. */
function makeFile(random: Random, tags: ReadonlyMap<string, string[]>) {
  const images: Record<string, string[]> = {};
  const regexes: Record<string, string> = {};
  for (const [name, there] of tags) {
    const how = random();
    if (how < 0.3) images[name] = [];
    else if (how < 0.6) images[name] = there.filter(() => random() < 0.6);
    else if (how < 0.9) regexes[name] = pick(random, REGEXES);
  }
  return {
    "tls-verify": false,
    images,
    "images-by-tag-regex": regexes,
  };
}

/** @returns how many tags there are at either destination */
async function compare(seed: number): Promise<number> {
  const random = seeded(seed);
  await using source = FakeRegistry.start();
  await using theirs = FakeRegistry.start();
  await using ours = FakeRegistry.start();
  const tags = new Map<string, string[]>();
  for (const name of NAMES) {
    const there = TAGS.filter((tag) => tag === "1.0" || random() < 0.5);
    tags.set(name, there);
    for (const tag of there) {
      const docker = random() < 0.5;
      const child = (platform: string) =>
        makeImage({ seed: `${seed} ${name}:${tag}`, platform, docker });
      const image = random() < 0.5
        ? child("linux/amd64")
        : makeIndex([child("linux/amd64"), child("linux/s390x")], { docker });
      source.install(name, tag, image);
    }
  }
  const file = JSON.stringify(
    { [source.host]: makeFile(random, tags) },
    null,
    1,
  );
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/sync.yaml`;
    await Deno.writeTextFile(path, file);
    const their = await skopeo([
      "sync",
      "--all",
      "--preserve-digests",
      "--keep-going",
      "--src=yaml",
      "--dest=docker",
      "--dest-tls-verify=false",
      path,
      `${theirs.host}/mirror`,
    ]);
    const our = await hangar([
      "mirror",
      `--file=${path}`,
      "--platform=all",
      `--destination=${ours.host}`,
      "--destination-project=mirror",
      `--failed=${directory}/failed.txt`,
    ]);
    const contentOf = (registry: FakeRegistry) =>
      registry.tags().map((name) => {
        const [repository = "", tag = ""] = name.split(":");
        return `${name} ${registry.digestOf(repository, tag)}`;
      });
    assertEquals(
      contentOf(ours),
      contentOf(theirs),
      `seed ${seed}\n${file}\n${their.stderr}\n${our.stderr}`,
    );
    return contentOf(theirs).length;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const count = Number(Deno.env.get("HANGAR_SKOPEO_SEEDS") ?? 15);

Deno.test({
  name: `interop: skopeo sync and hangar mirror agree on ${count} files`,
  ignore: interopIgnored,
  // undici looks at the time for a second longer.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    let tags = 0;
    for (let seed = 1; seed <= count; seed++) tags += await compare(seed);
    assertEquals(tags > count, true);
  },
});
