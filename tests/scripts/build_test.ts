import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const BUILD = new URL("../../scripts/build.ts", import.meta.url).pathname;

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
