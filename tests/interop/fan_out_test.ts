import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DelayingProxy } from "../../scripts/delaying_proxy.ts";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import { makeImage, makeMultiArch } from "../support/images.ts";
import {
  interopIgnored,
  pushImage,
  type RealRegistry,
  startDockerRegistry,
} from "./support.ts";

const NAMES = [...Array(12).keys()].map((i) => `corp/app${i}`);
const LIST = NAMES.map((name) => `${name}:v1`).join("\n");

function interop(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `interop: ${name}`, ignore: interopIgnored, fn });
}

async function fill(source: RealRegistry): Promise<void> {
  for (const [i, name] of NAMES.entries()) {
    const made = i % 3 === 0
      ? makeMultiArch(name, { layers: [900_000, 5_000] })
      : makeImage({ seed: name, layers: [5_000_000, 700_000, 300] });
    await pushImage(source, {
      repo: name,
      tag: "v1",
      manifests: made.manifests,
      blobs: made.blobs,
    });
  }
  await source.clearRequests();
}

async function run(
  source: RealRegistry,
  destinations: readonly string[],
  options: HangarOptions & { readonly list?: string } = {},
) {
  const directory = await Deno.makeTempDir();
  const failed = `${directory}/failed.txt`;
  try {
    const result = await hangar([
      "mirror",
      "-f-",
      `--source=${source.url}`,
      ...destinations.map((host) => `--destination=http://${host}`),
      `--failed=${failed}`,
      "--jobs=4",
      // It has a line for each result.
      "--log-format=json",
    ], { stdin: options.list ?? LIST, ...options });
    const list = await Deno.readTextFile(failed).catch(() => "");
    return { ...result, list };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function digests(registry: RealRegistry): Promise<(string | null)[]> {
  return await Promise.all(NAMES.map(async (name) => {
    const response = await registry.fetch(`/v2/${name}/manifests/v1`, {
      method: "HEAD",
      headers: {
        accept:
          "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json",
      },
    });
    await response.body?.cancel();
    return response.headers.get("docker-content-digest");
  }));
}

/** How often each blob was read at a registry. */
async function blobReads(source: RealRegistry): Promise<number[]> {
  const counts = new Map<string, number>();
  for (const { method, path } of await source.settledRequests()) {
    if (method !== "GET" || !path.includes("/blobs/sha256:")) continue;
    counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return [...counts.values()];
}

interop("three registries from one read of the source", async () => {
  await using source = await startDockerRegistry();
  await using a = await startDockerRegistry();
  await using b = await startDockerRegistry();
  await using c = await startDockerRegistry();
  await fill(source);
  const all = [a, b, c];
  const { code, stderr } = await run(source, all.map(({ host }) => host));
  assertEquals(code, 0, stderr);
  const wanted = await digests(source);
  assert(wanted.every((digest) => digest !== null));
  for (const registry of all) assertEquals(await digests(registry), wanted);
  const reads = await blobReads(source);
  // On a busy machine, a destination may be left behind for a blob or two.
  const twice = reads.filter((times) => times > 1).length;
  assert(twice <= reads.length / 10, `${twice} of ${reads.length} read again`);
});

interop(
  "one registry slow, one killed and started again: all is there after a second run",
  async () => {
    await using source = await startDockerRegistry();
    await using a = await startDockerRegistry();
    await using killed = await startDockerRegistry();
    await using slow = await startDockerRegistry();
    await using line = new DelayingProxy(() => slow.host, 150);
    await fill(source);
    const destinations = [a.host, killed.host, line.host];
    let stop: Promise<void> | undefined;
    const first = await run(source, destinations, {
      onStderr: (text) => {
        if (text.includes(`Copied [${killed.host}/`)) stop ??= killed.stop();
      },
    });
    await stop;
    assertEquals(first.code, 1, first.stderr);
    const wanted = await digests(source);
    // The dead one is its own failure.
    assertEquals(await digests(a), wanted);
    assertEquals(await digests(slow), wanted);
    const lines = first.list.split("\n")
      .filter((line) => line && !line.startsWith("#"));
    assert(lines.length > 0 && lines.length < NAMES.length);
    assertEquals(new Set(lines).size, lines.length);
    await killed.restart();
    const second = await run(source, destinations, { list: first.list });
    assertEquals(second.code, 0, second.stderr);
    assertStringIncludes(second.stderr, " 0 failed");
    assertEquals(await digests(killed), wanted);
  },
);
