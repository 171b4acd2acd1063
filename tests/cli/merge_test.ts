import { assertEquals, assertStringIncludes } from "@std/assert";
import type { SeenRequest } from "../support/fake_registry.ts";
import { type MadeImage, makeImage, makeIndex } from "../support/images.ts";
import { Pair } from "../support/pair.ts";

const REPO = "corp/app";

function build(seed: string, ...platforms: string[]): MadeImage {
  return makeIndex(
    platforms.map((platform) => makeImage({ seed, platform })),
  );
}

Deno.test("merge: what an index was rebuilt from, and what was kept, is told by mirror, dry run, validate and report", async () => {
  await using pair = new Pair();
  const old = build("old", "linux/arm64", "linux/s390x");
  const [arm, z] = old.manifests.map((m) => m.digest);
  const app = build("new", "linux/amd64", "linux/386", "linux/ppc64le");
  pair.destination.install(REPO, "v1", old);
  pair.source.install(REPO, "v1", app);
  const list = `${REPO}:v1`;
  const kept = [
    `[WARN] [IMG:1] kept from the destination: linux/arm64, ${arm}, which no source has: it may be of an older build; --overwrite drops it`,
    `[INFO] [IMG:1] kept from the destination: linux/s390x, ${z}`,
  ];
  const dry = await pair.mirror(list, ["--dry-run"]);
  const run = await pair.mirror(list, [`--report=${pair.directory}/r.json`]);
  const digest = pair.destination.digestOf(REPO, "v1")!;
  for (const { stderr } of [dry, run]) {
    for (
      const text of [
        ...kept,
        `[INFO] [IMG:1] index rebuilt: 1 of 3 platforms and 2 kept from the destination, ${digest} instead of the source's ${app.digest}`,
        "1 with a rebuilt index, 2 entries kept from the destination (1 of wanted platforms)",
      ]
    ) assertStringIncludes(stderr, text);
  }
  const report = JSON.parse(
    await Deno.readTextFile(`${pair.directory}/r.json`),
  );
  assertEquals(report.images[0].merge, {
    selected: ["linux/amd64"],
    available: 3,
    kept: [
      { digest: arm, platform: "linux/arm64", wanted: true },
      { digest: z, platform: "linux/s390x", wanted: false },
    ],
  });
  const { source, destination } = pair;
  const { code, stderr } = await pair.validate(list);
  assertEquals(code, 0, stderr);
  for (
    const text of [
      ...kept,
      `PASS: [${source.host}/${list}] ~ [${destination.host}/${list}]: 1 of 3 platforms selected (linux/amd64), 2 kept (linux/arm64 ${arm}, linux/s390x ${z})`,
    ]
  ) assertStringIncludes(stderr, text);
});

/** Installs something where the nth request for a tag of a kind arrives. */
function onNth(
  method: string,
  n: number,
  act: () => void,
): (seen: SeenRequest) => undefined {
  let seen = 0;
  return (request) => {
    if (
      request.method === method && request.kind === "manifest" &&
      request.reference === "v1" && ++seen === n
    ) act();
  };
}

for (
  const [when, nth] of [["before the tag is written", 1], [
    "after it was written",
    2,
  ]] as const
) {
  Deno.test(`merge: a platform that another run pushes ${when} is not lost`, async () => {
    const app = build("app", "linux/amd64", "linux/arm64", "linux/s390x");
    const [amd, arm] = app.manifests.map((m) => m.digest);
    const other = build("app", "linux/arm64");
    await using pair: Pair = new Pair({
      chaos: onNth(
        "HEAD",
        nth,
        () => pair.destination.install(REPO, "v1", other),
      ),
    });
    pair.source.install(REPO, "v1", app);
    const { code, stderr } = await pair.mirror(`${REPO}:v1`, ["-aamd64"]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "1 copied");
    assertEquals(pair.destination.entries(REPO, "v1"), [amd, arm]);
  });
}

Deno.test("merge: a tag that somebody else always writes to fails in the end", async () => {
  let builds = 0;
  await using pair: Pair = new Pair({
    chaos: (request) => {
      if (
        request.method === "HEAD" && request.kind === "manifest" &&
        request.reference === "v1"
      ) {
        const other = build(`other ${builds++}`, "linux/s390x");
        pair.destination.install(REPO, "v1", other);
      }
      return undefined;
    },
  });
  pair.source.install(REPO, "v1", build("app", "linux/amd64", "linux/arm64"));
  const { code, stderr } = await pair.mirror(`${REPO}:v1`, ["-aamd64"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "was written by somebody else 5 times");
  assertEquals(await pair.failedLines(), [`${REPO}:v1`]);
});

Deno.test("merge: a source that has nothing for the tag is a warning, by mirror and validate", async () => {
  await using pair = new Pair();
  const { source, destination } = pair;
  source.install("corp/amd64", "v1", build("a", "linux/amd64"));
  source.install("corp/z", "v1", build("z", "linux/s390x", "linux/ppc64le"));
  const list = ["amd64", "z"].map((name) =>
    `corp/${name} ${destination.host}/${REPO} v1`
  ).join("\n");
  const says =
    `[WARN] [IMG:1] ${source.host}/corp/z:v1: no available image for specified arch and os: wanted linux/amd64, linux/arm64; there is linux/s390x, linux/ppc64le\n`;
  for (const result of [await pair.mirror(list), await pair.validate(list)]) {
    assertEquals(result.code, 0, result.stderr);
    assertStringIncludes(result.stderr, says);
  }
  assertEquals(destination.tags(), [`${REPO}:v1`]);
});

Deno.test("merge: content that an index names for two platforms keeps both names", async () => {
  await using pair = new Pair();
  const { source, destination } = pair;
  const data = makeImage({ seed: "data" });
  const arm = { os: "linux", architecture: "arm64" };
  const app = makeIndex([
    data,
    { ...data, platform: arm },
    makeImage({ seed: "z", platform: "linux/s390x" }),
  ]);
  source.install(REPO, "v1", app);
  const platforms = () =>
    JSON.parse(
      new TextDecoder().decode(destination.manifest(REPO, "v1")!.bytes),
    ).manifests.map((entry: { platform: { architecture: string } }) =>
      entry.platform.architecture
    );
  for (
    const [arch, want, flags, told] of [
      ["arm64", ["arm64"], ["--overwrite"], "1 of 3 platforms"],
      ["amd64,arm64", ["amd64", "arm64"], ["--overwrite"], "2 of 3 platforms"],
      ["arm64", ["arm64"], ["--overwrite"], "1 of 3 platforms"],
      ["amd64", ["amd64", "arm64"], [], "2 of 3 platforms"],
    ] as const
  ) {
    const run = await pair.mirror(`${REPO}:v1`, [`--arch=${arch}`, ...flags]);
    assertEquals(run.code, 0, run.stderr);
    assertEquals(platforms(), want, arch);
    assertStringIncludes(run.stderr, `index rebuilt: ${told}`);
    const again = await pair.mirror(`${REPO}:v1`, [`--arch=${arch}`]);
    assertStringIncludes(again.stderr, "1 up to date");
    assertEquals(
      (await pair.validate(`${REPO}:v1`, [`--arch=${arch}`])).code,
      0,
    );
  }
  await pair.mirror(`${REPO}:v1`, ["--arch=s390x"]);
  assertEquals(destination.digestOf(REPO, "v1"), app.digest);

  // Of a destination's index too, with a source that has only one of the names.
  destination.install(
    REPO,
    "v2",
    makeIndex([data, { ...data, platform: arm }]),
  );
  source.install(REPO, "v2", build("new", "linux/amd64"));
  assertEquals((await pair.mirror(`${REPO}:v2`)).code, 0);
  assertEquals(destination.entries(REPO, "v2"), [
    build("new", "linux/amd64").manifests[0]!.digest,
    data.digest,
  ]);
});

for (
  const [ours, theirs, want] of [
    ["docker", "docker", "docker.distribution.manifest.list.v2+json"],
    ["docker", "oci", "oci.image.index.v1+json"],
    ["oci", "docker", "oci.image.index.v1+json"],
    ["oci", "oci", "oci.image.index.v1+json"],
  ]
) {
  Deno.test(`merge: single manifests of ${ours} and ${theirs} give an index of ${want}`, async () => {
    await using pair = new Pair();
    const one = makeImage({ seed: "one", docker: ours === "docker" });
    const other = makeImage({
      seed: "other",
      platform: "linux/arm64",
      docker: theirs === "docker",
    });
    pair.source.install(REPO, "v1", one);
    pair.destination.install(REPO, "v1", other);
    const { code, stderr } = await pair.mirror(`${REPO}:v1`);
    assertEquals(code, 0, stderr);
    assertEquals(
      pair.destination.manifest(REPO, "v1")!.mediaType,
      `application/vnd.${want}`,
    );
    assertEquals(pair.destination.entries(REPO, "v1"), [
      one.digest,
      other.digest,
    ]);
  });
}
