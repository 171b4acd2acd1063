import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  PinError,
  PINS_FILE,
  readPins,
  sha256,
  TARGETS,
  verifyRuntime,
} from "../../scripts/runtimes.ts";

const BUILD = new URL("../../scripts/build.ts", import.meta.url).pathname;
const PIN = new URL("../../scripts/pin_runtimes.ts", import.meta.url).pathname;

async function build(args: readonly string[], env = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", BUILD, ...args],
    env: { NO_COLOR: "1", DENORT_BIN: "", ...env },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("build: two builds are equal, and what is embedded works in an empty environment", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const sums: string[] = [];
    for (const name of ["a", "b"]) {
      const { code, out, err } = await build([
        ...["--target", Deno.build.target, "--out", `${directory}/${name}`],
      ], { DENORT_BIN: Deno.execPath() });
      assertEquals(code, 0, err);
      assertMatch(out, /hangar-\d+\.\d+\.\d+-(linux|darwin)-(amd|arm)64: \d+/);
      assertStringIncludes(out, "the code is embedded; the binary was not run");
      sums.push(await Deno.readTextFile(`${directory}/${name}/SHA256SUMS`));
    }
    assertMatch(sums[0]!, /^[0-9a-f]{64} {2}hangar-\S+\n$/);
    assertEquals(sums[0], sums[1]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("build: without a base runtime it says so in one line", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const args = ["--out", directory, "--runtime-dir", `${directory}/none`];
    const { code, err } = await build(args);
    assertEquals(code, 1);
    assertMatch(
      err,
      /^build: no base runtime for x86_64-unknown-linux-gnu: .*\n$/,
    );
    const unknown = await build(["--target", "sparc"]);
    assertEquals(unknown.code, 1);
    assertMatch(unknown.err, /^build: unknown target sparc: want one of .*\n$/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** A directory with something in place of every base runtime. */
async function withRuntimes(
  use: (
    directory: string,
    runtimes: ReadonlyMap<string, Uint8Array>,
  ) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const runtimes = new Map<string, Uint8Array>();
    for (const target of Object.keys(TARGETS)) {
      const bytes = new TextEncoder().encode(`base runtime for ${target}`);
      runtimes.set(target, bytes);
      const zip = `${directory}/denort-${target}.zip`;
      await Deno.writeFile(zip, bytes);
      await Deno.writeTextFile(
        `${zip}.sha256sum`,
        `${sha256(bytes)}  denort-${target}.zip\n`,
      );
    }
    await use(directory, runtimes);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function pin(...args: string[]) {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PIN, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, err: new TextDecoder().decode(stderr) };
}

Deno.test("build: a base runtime that is not pinned is refused, and nothing is written", async () => {
  await withRuntimes(async (directory) => {
    const pins = `${directory}/pins.json`;
    await Deno.writeTextFile(
      pins,
      JSON.stringify({ deno: Deno.version.deno, sha256: {} }),
    );
    // Whether it is given, or would be downloaded.
    for (const given of [["--runtime-dir", directory], []]) {
      const { code, err } = await build([
        ...["--pins", pins, "--out", `${directory}/out`, ...given],
        ...["--target", "aarch64-apple-darwin"],
      ]);
      assertEquals(code, 1);
      assertEquals(
        err,
        `build: no base runtime for aarch64-apple-darwin: no base runtime of Deno ${Deno.version.deno} is pinned for aarch64-apple-darwin; CONTRIBUTING.md ("Releases") says how base runtimes are pinned, and --unpinned builds without\n`,
      );
    }
    await assertRejects(
      () => Deno.stat(`${directory}/out`),
      Deno.errors.NotFound,
    );
  });
});

Deno.test("build: a base runtime with another hash than the pinned one is refused", async () => {
  await withRuntimes(async (directory) => {
    const pins = `${directory}/pins.json`;
    const pinned = await pin("--from", directory, "--out", pins);
    assertEquals(pinned.code, 0, pinned.err);
    const target = "x86_64-apple-darwin";
    const other = new TextEncoder().encode("exchanged");
    await Deno.writeFile(`${directory}/denort-${target}.zip`, other);
    const { code, err } = await build([
      ...["--pins", pins, "--out", `${directory}/out`],
      ...["--runtime-dir", directory, "--target", target],
    ]);
    assertEquals(code, 1);
    assertStringIncludes(
      err,
      `denort-${target}.zip has the SHA-256 ${sha256(other)}, and the pinned`,
    );
  });
});

Deno.test("build: pinned are the base runtimes of one version of Deno", async () => {
  await withRuntimes(async (directory, runtimes) => {
    const [target, bytes] = [...runtimes][0]!;
    const pins = { deno: "1.2.3", sha256: { [target]: sha256(bytes) } };
    verifyRuntime(pins, target, bytes, "1.2.3");
    assertThrows(
      () => verifyRuntime(pins, target, bytes, "1.2.4"),
      PinError,
      "those of Deno 1.2.3, and this is Deno 1.2.4",
    );
    const file = `${directory}/pins.json`;
    for (
      const text of [
        "{",
        "{}",
        '{"deno":"1.2.3","sha256":{"sparc":"00"}}',
        `{"deno":"1.2.3","sha256":{"${target}":"00"}}`,
      ]
    ) {
      await Deno.writeTextFile(file, text);
      await assertRejects(() => readPins(file), PinError, file);
    }
  });
});

Deno.test("build: pinning reads every archive and its published hash", async () => {
  await withRuntimes(async (directory, runtimes) => {
    const file = `${directory}/pins.json`;
    const pinned = await pin("--from", directory, "--out", file);
    assertEquals(pinned.code, 0, pinned.err);
    const pins = await readPins(file);
    assertEquals(pins.deno, Deno.version.deno);
    for (const [target, bytes] of runtimes) verifyRuntime(pins, target, bytes);
    assertEquals((await pin("--check", "--out", file)).code, 0);

    const zip = `${directory}/denort-x86_64-apple-darwin.zip`;
    await Deno.writeTextFile(`${zip}.sha256sum`, `${"0".repeat(64)}  x\n`);
    const wrong = await pin("--from", directory, "--out", file);
    assertEquals(wrong.code, 1);
    assertStringIncludes(wrong.err, `its .sha256sum says ${"0".repeat(64)}`);

    await Deno.writeTextFile(
      file,
      JSON.stringify({ deno: Deno.version.deno, sha256: {} }),
    );
    const unpinned = await pin("--check", "--out", file);
    assertEquals(unpinned.code, 1);
    assertMatch(
      unpinned.err,
      /^pin_runtimes: no base runtime of Deno \S+ is pinned for x86_64-unknown-linux-gnu; CONTRIBUTING\.md .*\n$/,
    );
  });
});

Deno.test("build: the file of pins in the project can be read", async () => {
  const pins = await readPins(PINS_FILE);
  assertMatch(pins.deno, /^\d+\.\d+\.\d+$/);
});
