import { assert, assertEquals } from "@std/assert";
import { makeImage, randomBytes } from "../../support/images.ts";
import { Carry } from "./support.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;

/** The most blobs that are in transfer at once. */
const IN_FLIGHT = 12;

/** Hangar in a process of its own, as it is killed. */
function start(
  carry: Carry,
  command: string,
  list: string,
  archive: string,
  flags: readonly string[] = [],
) {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      MAIN,
      command,
      `-f=${list}`,
      `--source=http://${carry.source.host}`,
      `-d=${archive}`,
      `--failed=${carry.path("failed.txt")}`,
      "-j8",
      ...flags,
    ],
    stdout: "null",
    stderr: "piped",
    cwd: carry.directory,
  }).spawn();
}

/** Kills a process as soon as so many requests have come. */
async function killAfter(
  carry: Carry,
  child: Deno.ChildProcess,
  requests: number,
): Promise<boolean> {
  let isOver = false;
  const output = child.output().then((output) => {
    isOver = true;
    return output;
  });
  while (!isOver && carry.source.requests.length < requests) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  if (!isOver) child.kill("SIGKILL");
  return (await output).success;
}

/** Images on three bases; each has a layer of its own. */
function installShared(carry: Carry, images: number): string[] {
  const bases = ["x", "y", "z"].map((seed) => randomBytes(200_000, seed));
  return Array.from({ length: images }, (_, i) => {
    const seed = `image ${i}`;
    const layers = [bases[i % 3]!, randomBytes(30_000, seed)];
    carry.source.install(`corp/n${i}`, "v1", makeImage({ seed, layers }));
    return `corp/n${i}:v1`;
  });
}

// Some blobs are larger than a volume.
const VOLUMES = ["--volume-size=150000"];

for (
  const [target, flags] of [
    ["a.tar", []],
    ["layout", []],
    ["set.tar", VOLUMES],
  ] as const
) {
  Deno.test(`archives: a save that is killed goes on, and fetches nothing twice (${target})`, async () => {
    await using carry = new Carry({}, { latencyMs: 5 });
    const lines = installShared(carry, 30);
    const list = carry.path("list.txt");
    const archive = carry.path(target);
    await Deno.writeTextFile(list, lines.join("\n"));
    let kills = 0;
    let after = 20;
    for (let isDone = false; !isDone;) {
      const seen = carry.source.requests.length;
      isDone = await killAfter(
        carry,
        start(carry, "save", list, archive, flags),
        seen + after,
      );
      if (!isDone) kills++;
      assert(kills < 12, "it comes to no end");
      after += 15;
    }
    assert(kills >= 3, `killed only ${kills} times`);
    const blobs = carry.source.requests.filter(({ kind, method }) =>
      kind === "blob" && method === "GET"
    );
    const distinct = new Set(blobs.map(({ reference }) => reference)).size;
    assertEquals(distinct, 30 * 2 + 3);
    assert(
      blobs.length <= distinct + kills * IN_FLIGHT,
      `${blobs.length} requests for ${distinct} blobs with ${kills} kills`,
    );
    const loaded = await carry.load(target);
    assertEquals(loaded.code, 0, loaded.stderr);
    assertEquals(carry.destination.tags().length, 30);
    if (target !== "a.tar") return;
    const { size } = await Deno.stat(archive);
    const clean = await carry.save(lines.join("\n"), "clean.tar");
    assertEquals(clean.code, 0, clean.stderr);
    const atOnce = (await Deno.stat(carry.path("clean.tar"))).size;
    assert(size <= atOnce * 1.05, `${size} bytes, and ${atOnce} at once`);
  });
}

for (const target of ["a.tar", "layout"]) {
  Deno.test(`archives: a sync that is killed leaves the archive as before or as after (${target})`, async () => {
    await using carry = new Carry({}, { latencyMs: 2 });
    const lines = installShared(carry, 16);
    const list = carry.path("list.txt");
    const archive = carry.path(target);
    assertEquals(
      (await carry.save(lines.slice(0, 4).join("\n"), target)).code,
      0,
    );
    await Deno.writeTextFile(list, lines.join("\n"));
    let isDone = false;
    for (let round = 0; !isDone && round < 12; round++) {
      const seen = carry.source.requests.length;
      isDone = await killAfter(
        carry,
        start(carry, "sync", list, archive),
        seen + 10 + 18 * round,
      );
      const loaded = await carry.load(target, ["--skip-login"]);
      assertEquals(loaded.code, 0, loaded.stderr);
      assertEquals(carry.destination.tags().length, isDone ? 16 : 4);
    }
    assert(isDone);
  });
}
