import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describeError } from "../../src/errors.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import { makeMultiArch } from "../support/images.ts";

const home = Deno.makeTempDirSync({ prefix: "hangar-files-" });
const list = `${home}/images.txt`;
const binary = `${home}/binary.txt`;
const regsync = `${home}/regsync.txt`;
Deno.writeTextFileSync(list, "127.0.0.1:1/a:v1\n");
Deno.writeTextFileSync(regsync, "nginx:1.27\n");
Deno.writeFileSync(binary, new Uint8Array([0xff, 0xfe]));
Deno.mkdirSync(`${home}/.config/containers/policy.json`, { recursive: true });
globalThis.addEventListener(
  "unload",
  () => Deno.removeSync(home, { recursive: true }),
);

const mirror = ["mirror", "-f", list, "-d", "127.0.0.1:1", "--skip-login"];

const CASES: readonly {
  readonly args: readonly string[];
  readonly says: string;
  /** @default {2} */
  readonly code?: number;
  readonly env?: Readonly<Record<string, string>>;
}[] = [
  {
    args: ["mirror", "-f", home, "-d", "127.0.0.1:1"],
    says: `cannot read the list ${home}: it is a directory`,
  },
  {
    args: ["mirror", "-f", `${list}.none`, "-d", "127.0.0.1:1"],
    says: `cannot read the list ${list}.none: no such file`,
  },
  {
    args: ["mirror", "-f", binary, "-d", "127.0.0.1:1"],
    says: `cannot read the list ${binary}: not UTF-8 text`,
  },
  {
    args: [...mirror, "--policy", home],
    says: `invalid value "${home}" for --policy: it is a directory`,
  },
  {
    args: mirror,
    env: { HOME: home },
    code: 1,
    says:
      `cannot read ${home}/.config/containers/policy.json: it is a directory`,
  },
  {
    args: [...mirror, "--sigstore-private-key", `${home}/none.key`],
    says:
      `invalid value "${home}/none.key" for --sigstore-private-key: no such file`,
  },
  {
    args: ["generate-sigstore-key", "-p", `${home}/k`, "--passphrase-file"]
      .concat(home),
    says: `invalid value "${home}" for --passphrase-file: it is a directory`,
  },
  {
    args: ["generate-sigstore-key", "-p", `${list}/k`],
    code: 1,
    says: `cannot look at ${list}/k.key: a part of its path is not a directory`,
  },
  {
    args: ["generate-sigstore-key", "-p", `${home}/none/k`],
    env: { COSIGN_PASSWORD: "p" },
    code: 1,
    says: `cannot write ${home}/none/k.key: its directory does not exist`,
  },
  {
    args: ["convert-list", "-i", regsync, "-o", `${home}/none/out.txt`],
    code: 1,
    says: `cannot write ${home}/none/out.txt: its directory does not exist`,
  },
  {
    args: mirror,
    env: { CONTAINERS_REGISTRIES_CONF: home },
    code: 1,
    says: `cannot read ${home}: it is a directory`,
  },
];

for (const { args, says, env, code: expected = 2 } of CASES) {
  Deno.test({
    name: `file errors: ${args.join(" ").replaceAll(home, "DIR")} ${
      Object.keys(env ?? {})
    }`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      const { code, stderr } = await hangar(args, { env });
      assertStringIncludes(stderr, says);
      assert(!stderr.includes("os error"), stderr);
      assertEquals(code, expected);
    },
  });
}

for (const format of ["text", "json"]) {
  Deno.test({
    name: `file errors: a password from a directory, told as ${format}`,
    ignore: Deno.build.os === "windows",
    fn: async () => {
      using directory = Deno.openSync(home);
      const read = await directory.read(new Uint8Array(1)).catch((e) => e);
      const { code, stderr } = await hangar([
        "login",
        "127.0.0.1:1",
        "-ua",
        "--password-stdin",
        `--log-format=${format}`,
      ], { stdin: () => Promise.reject(read) });
      assertEquals(code, 1);
      assertStringIncludes(
        stderr,
        "cannot read standard input: it is a directory",
      );
    },
  });
}

Deno.test("file errors: an error of the system is told in its own words", async () => {
  const error = await Deno.mkdir(home).catch((error) => error);
  assertEquals(describeError(error), "file exists");
});

async function mirrored(
  args: readonly string[],
  options: HangarOptions = {},
) {
  await using source = FakeRegistry.start();
  await using destination = FakeRegistry.start();
  source.install("corp/app", "v1", makeMultiArch("app"));
  return await hangar([
    "mirror",
    "-f",
    "-",
    "-d",
    destination.host,
    "-o",
    `${home}/failed.txt`,
    ...args,
  ], { stdin: `${source.host}/corp/app:v1\n`, ...options });
}

Deno.test({
  name:
    "file errors: a report that cannot be written costs the exit code, not the run",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // Nothing can be renamed into /proc, and nothing written to /dev/full.
    const { code, stderr } = await mirrored(["--report", "/dev/full"]);
    assertStringIncludes(stderr, "1 copied");
    assertStringIncludes(
      stderr,
      "cannot write the report /dev/full: no space left on the disk",
    );
    assertEquals(code, 1);
  },
});
