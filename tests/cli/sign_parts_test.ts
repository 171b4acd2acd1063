import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  COSIGN_KEY,
  COSIGN_PASSPHRASE,
  COSIGN_PUB,
} from "../support/cosign_key.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar, type HangarOptions } from "../support/hangar.ts";
import { makeImage, makeMultiArch } from "../support/images.ts";

const REPO = "corp/app";

/** Images in place, and `sign` on them with the flags of Go hangar. */
async function inPlace(
  use: (
    place: {
      readonly registry: FakeRegistry;
      /** Which platforms are signed; `index` is the index. */
      readonly signed: () => string[];
      readonly sign: (
        words: readonly string[],
        flags?: readonly string[],
        options?: HangarOptions,
      ) => ReturnType<typeof hangar>;
      readonly directory: string;
    },
  ) => Promise<void>,
): Promise<void> {
  await using registry = FakeRegistry.start();
  const platforms = ["linux/amd64", "linux/arm64", "windows/amd64"];
  const app = makeMultiArch("app", { platforms, attestations: true });
  registry.install(REPO, "v1", app);
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(`${directory}/cosign.key`, COSIGN_KEY);
  await Deno.writeTextFile(`${directory}/cosign.pub`, COSIGN_PUB);
  await Deno.writeTextFile(`${directory}/pass.txt`, `${COSIGN_PASSPHRASE}\n`);
  const names = [...platforms, ...platforms.map((name) => `about ${name}`)];
  const digests = [...registry.entries(REPO, "v1"), app.digest];
  try {
    await use({
      registry,
      directory,
      signed: () =>
        [...names, "index"].filter((_, i) =>
          registry.manifest(REPO, `${digests[i]!.replace(":", "-")}.sig`)
        ),
      sign: (words, flags = [], options = {}) =>
        hangar([
          "sign",
          ...words,
          "--file=-",
          "--registry",
          registry.host,
          "--project=corp",
          "--jobs=4",
          `--failed=${directory}/failed.txt`,
          ...flags,
        ], { stdin: "quay.io/other/app:v1\n", ...options }),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const ALL = [
  "linux/amd64",
  "linux/arm64",
  "windows/amd64",
  "about linux/amd64",
  "about linux/arm64",
  "about windows/amd64",
  "index",
];
const ARM = ["linux/arm64", "about linux/arm64", "index"];
const LINUX = ALL.filter((name) => !name.includes("windows"));

for (
  const [flags, want] of [
    [[], ALL],
    [["-a", "arm64"], ARM],
    [["--arch=amd64,arm64", "--os=linux"], LINUX],
    [["--os", "linux"], LINUX],
    [["--platform=linux/arm64"], ARM],
    [["--arch=all"], ALL],
  ] as const
) {
  Deno.test(`sign: with ${flags.join(" ") || "no platform"}, those parts are signed, and checked`, async () => {
    await inPlace(async ({ sign, signed, directory }) => {
      const { code, stderr } = await sign([], [
        ...flags,
        "-p",
        `${directory}/cosign.key`,
        `--passphrase-file=${directory}/pass.txt`,
        "--tlog-upload=false",
        "--auto-yes",
      ]);
      assertEquals(code, 0, stderr);
      assertEquals(signed(), [...want]);
      const key = ["-k", `${directory}/cosign.pub`];
      const same = await sign(["validate"], [...flags, ...key, "-y"]);
      assertEquals(same.code, 0, same.stderr);
      const all = await sign(["validate"], [
        `--key=${directory}/cosign.pub`,
        "--insecure-ignore-tlog",
      ]);
      assertEquals(all.code, want === ALL ? 0 : 1, all.stderr);
    });
  });
}

Deno.test("sign: an image without such a part is skipped, a single image is what the line names", async () => {
  await inPlace(async ({ sign, signed, directory, registry }) => {
    const key = ["--key", `${directory}/cosign.key`]
      .concat("--passphrase-file", `${directory}/pass.txt`);
    const none = await sign([], ["-a", "s390x", ...key]);
    assertStringIncludes(
      none.stderr,
      "no available image for specified arch and os: wanted */s390x; there is linux/amd64, linux/arm64, windows/amd64",
    );
    assertEquals([none.code, signed()], [1, []]);
    const single = makeImage({ seed: "one", platform: "linux/amd64" });
    registry.install(REPO, "one", single);
    const one = await sign([], ["-a", "arm64", ...key], {
      stdin: "app:one\n",
    });
    assertEquals(one.code, 0, one.stderr);
    assert(
      registry.manifest(REPO, `${single.digest.replace(":", "-")}.sig`),
    );
  });
});

Deno.test("sign: --tlog-upload needs bundles, asks first, and contradicts no log", async () => {
  await inPlace(async ({ sign, signed, directory }) => {
    const key = ["--key", `${directory}/cosign.key`]
      .concat("--passphrase-file", `${directory}/pass.txt`);
    for (
      const [flags, says] of [
        [
          ["--tlog-upload", "-y"],
          "--tlog-upload is for bundles: give --sign-format bundle too",
        ],
        [
          ["--tlog-upload", "--sign-format=bundle"],
          "there is no terminal to ask on: give --auto-yes",
        ],
        [
          ["--tlog-upload=false", "--rekor-url=https://rekor.example"]
            .concat("--sign-format=bundle"),
          "--rekor-url names a log, and --tlog-upload=false wants none",
        ],
      ] as const
    ) {
      const { code, stderr } = await sign([], [...flags, ...key]);
      assertEquals(code, 2, stderr);
      assertStringIncludes(stderr, says);
    }
    const { code, stderr } = await sign(["validate"], [
      "--insecure-ignore-tlog=false",
      `--key=${directory}/cosign.pub`,
    ]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "no transparency log is asked");
    assertEquals(signed(), []);
  });
});
