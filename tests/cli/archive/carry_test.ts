import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { archiveFiles } from "../../../src/machine/archive_files.ts";
import type { FakeRegistry } from "../../support/fake_registry.ts";
import {
  makeArtifact,
  makeFallback,
  makeImage,
  makeIndex,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
} from "../../support/images.ts";
import { Carry } from "./support.ts";

function tagOf(digest: string, suffix = ""): string {
  return digest.replace(":", "-") + suffix;
}

/** One image of each kind; the list that names them all. */
function installAll(registry: FakeRegistry): string {
  const app = makeMultiArch("app");
  const [amd64 = app] = app.manifests;
  const sbom = makeReferrer(app, "sbom");
  const sbomSignature = makeReferrer(sbom, "signature of the sbom");
  registry.install("corp/app", "v1", app);
  registry.install(
    "corp/app",
    tagOf(app.digest, ".sig"),
    makeSignatures(app.digest, ["one"]),
  );
  registry.install(
    "corp/app",
    tagOf(amd64.digest, ".sig"),
    makeSignatures(amd64.digest, ["child"]),
  );
  registry.install("corp/app", tagOf(app.digest), makeFallback([sbom]));
  registry.install(
    "corp/app",
    tagOf(sbom.digest),
    makeFallback([sbomSignature]),
  );
  registry.install("corp/single", "v1", makeImage({ seed: "single" }));
  registry.install("corp/chart", "1.0.0", makeArtifact("chart"));
  const pinned = makeMultiArch("pinned");
  registry.install("corp/pinned", undefined, pinned);
  const windows = makeIndex([
    makeImage({ seed: "linux" }),
    makeImage({
      seed: "windows",
      platform: "windows/amd64",
      osVersion: "10.0.17763.1",
    }),
  ]);
  registry.install("corp/windows", "v1", windows);
  return [
    "corp/app:v1",
    "corp/single:v1",
    "corp/chart:1.0.0",
    `corp/pinned@${pinned.digest}`,
    "corp/windows:v1",
    "",
  ].join("\n");
}

/** All that a registry holds under tags, by digest. */
function contentOf(registry: FakeRegistry): Record<string, string> {
  return Object.fromEntries(
    registry.tags().map((name) => {
      const colon = name.lastIndexOf(":");
      const [repository, tag] = [name.slice(0, colon), name.slice(colon + 1)];
      return [name, registry.digestOf(repository!, tag!)!];
    }),
  );
}

for (const archive of ["a.tar", "layout"]) {
  for (const flags of [[], ["--arch=amd64"], ["--platform=all"]]) {
    Deno.test(
      `archives: save and load give what mirror gives (${archive}${
        flags.map((flag) => ` ${flag}`).join("")
      })`,
      async () => {
        await using carry = new Carry();
        const list = installAll(carry.source);
        const saved = await carry.save(list, archive, flags);
        assertEquals(saved.code, 0, saved.stderr);
        const proof = await carry.from(
          ["save", "validate", "-y"],
          list,
          archive,
          [...flags, "--deep=bytes"],
        );
        assertEquals(proof.code, 0, proof.stderr);

        carry.source.clear();
        const loaded = await carry.load(archive, flags);
        assertEquals(loaded.code, 0, loaded.stderr);
        assertEquals(carry.source.requests, []);

        await using mirrored = await carry.mirrored(list, flags);
        assertEquals(contentOf(carry.destination), contentOf(mirrored));
        assertEquals(mirrored.dangling(), []);
        const tags = Object.keys(contentOf(mirrored));
        assert(tags.some((tag) => tag.endsWith(".sig")), tags.join());

        const check = await carry.load(archive, [...flags, "--dry-run"]);
        assertStringIncludes(check.stderr, "0 would be copied");
      },
    );
  }
}

Deno.test("archives: a blob is fetched and stored once, whatever shares it", async () => {
  await using carry = new Carry();
  const shared = makeMultiArch("shared");
  for (const name of ["a", "b", "c"]) {
    carry.source.install(`corp/${name}`, "v1", shared);
    carry.source.install(`other/${name}`, "v2", shared);
  }
  const list = ["a", "b", "c"].flatMap((name) => [
    `corp/${name}:v1`,
    `other/${name}:v2`,
  ]);
  const { code, stderr } = await carry.save(list.join("\n"), "a.tar", ["-j8"]);
  assertEquals(code, 0, stderr);
  const reads = carry.source.requests.filter(({ kind, method }) =>
    kind === "blob" && method === "GET"
  );
  assertEquals(reads.length, shared.blobs.size);
  const manifests = carry.source.requests.filter(({ kind, method }) =>
    kind === "manifest" && method === "GET"
  );
  assertEquals(manifests.length, shared.manifests.length);
});

Deno.test("archives: of a list of referrers, only its last state is kept", async () => {
  await using carry = new Carry();
  const image = makeImage({ seed: "app" });
  const referrers = ["a", "b", "c"].map((seed) => makeReferrer(image, seed));
  carry.source.install("corp/app", "v1", image);
  carry.source.install(
    "corp/app",
    image.digest.replace(":", "-"),
    makeFallback(referrers.slice(0, 2)),
  );
  for (const referrer of referrers) {
    carry.source.install("corp/app", undefined, referrer);
  }
  assertEquals((await carry.save("corp/app:v1", "layout")).code, 0);
  const lists = async () => {
    const names = [...Deno.readDirSync(carry.path("layout/blobs/sha256"))];
    const texts = await Promise.all(
      names.map(({ name }) =>
        Deno.readTextFile(carry.path(`layout/blobs/sha256/${name}`))
      ),
    );
    return texts.filter((text) => text.includes('"manifests"'))
      .map((text) => JSON.parse(text).manifests.length);
  };
  assertEquals(await lists(), [2]);
  // One more, after an archive was made.
  carry.source.install(
    "corp/app",
    image.digest.replace(":", "-"),
    makeFallback(referrers),
  );
  assertEquals((await carry.sync("corp/app:v1", "layout")).code, 0);
  assertEquals(await lists(), [3]);
});

Deno.test("archives: the source's own index is kept, with the digest that it has", async () => {
  await using carry = new Carry();
  const app = makeMultiArch("app");
  carry.source.install("corp/app", "v1", app);
  await carry.save("corp/app:v1", "layout", ["--arch=amd64"]);
  const index = JSON.parse(
    await Deno.readTextFile(carry.path("layout/index.json")),
  );
  const name = `${carry.source.host}/corp/app:v1`;
  assertEquals(index.manifests.length, 1);
  const [entry] = index.manifests;
  assertEquals(entry.digest, app.digest);
  assertEquals(entry.annotations["org.opencontainers.image.ref.name"], name);
  assertEquals(entry.annotations["io.containerd.image.name"], name);
  const held = [...Deno.readDirSync(carry.path("layout/blobs/sha256"))]
    .map(({ name }) => `sha256:${name}`);
  const [amd64, arm64] = app.manifests;
  assert(held.includes(app.digest));
  assert(held.includes(amd64!.digest));
  assert(!held.includes(arm64!.digest));
});

Deno.test("archives: an archive that is there is replaced only when that is said", async () => {
  await using carry = new Carry();
  carry.source.install("corp/app", "v1", makeMultiArch("one"));
  assertEquals((await carry.save("corp/app:v1")).code, 0);
  const before = await Deno.readFile(carry.path("a.tar"));
  const refused = await carry.save("corp/app:v1");
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "exists already");
  const no = await carry.save("corp/app:v1", "a.tar", [], {
    answers: () => "n",
  });
  assertEquals(no.code, 2);
  assertEquals(await Deno.readFile(carry.path("a.tar")), before);
  carry.source.install("corp/app", "v1", makeMultiArch("two"));
  const forced = await carry.save("corp/app:v1", "a.tar", ["-y"]);
  assertEquals(forced.code, 0, forced.stderr);
  assertEquals((await carry.load()).code, 0);
  assertEquals(
    carry.destination.digestOf("corp/app", "v1"),
    carry.source.digestOf("corp/app", "v1"),
  );
});

for (
  const [target, flags] of Object.entries({
    "a.tar": [],
    "layout": [],
    "set.tar": ["--volume-size=1MiB"],
  })
) {
  Deno.test(`archives: a run that saves nothing leaves nothing (${target})`, async () => {
    await using carry = new Carry();
    const image = makeImage({ seed: "app" });
    carry.source.install("corp/app", "v1", image);
    const { layers } = JSON.parse(new TextDecoder().decode(image.bytes));
    carry.source.fault({
      match: { kind: "blob", method: "GET", reference: layers[0].digest },
      times: 1,
      action: { status: 404 },
    });
    const failed = await carry.save("corp/app:v1", target, flags);
    assertEquals(failed.code, 1, failed.stderr);
    assert(!failed.stderr.includes("cannot remove"), failed.stderr);
    const names = () =>
      [...Deno.readDirSync(carry.directory)].map(({ name }) => name)
        .filter((name) => name !== "save-failed.txt");
    assertEquals(names(), []);
    const since = `--since=${carry.path("nothing.tar")}`;
    const refused = await carry.save("corp/app:v1", target, [...flags, since]);
    assert(refused.code !== 0, refused.stderr);
    assertEquals(names(), []);
    const saved = await carry.save("corp/app:v1", target, flags);
    assertEquals(saved.code, 0, saved.stderr);
  });
}

Deno.test("archives: what failed is in the failed list, and sync adds it", async () => {
  await using carry = new Carry();
  const good = makeImage({ seed: "good" });
  const bad = makeImage({ seed: "bad" });
  carry.source.install("corp/good", "v1", good);
  carry.source.install("corp/bad", "v1", bad);
  const mend = carry.source.fault({
    match: { kind: "blob", method: "GET", repository: "corp/bad" },
    action: { status: 404 },
  });
  const saved = await carry.save("corp/good:v1\ncorp/bad:v1\n");
  assertEquals(saved.code, 1, saved.stderr);
  const failed = await Deno.readTextFile(carry.path("save-failed.txt"));
  assertStringIncludes(failed, "corp/bad:v1");
  assert(!failed.includes("corp/good"));
  mend();
  carry.source.clear();
  const list = await Deno.readTextFile(carry.path("save-failed.txt"));
  const synced = await carry.sync(list);
  assertEquals(synced.code, 0, synced.stderr);
  assert(
    carry.source.requests.every(({ repository }) => repository !== "corp/good"),
  );
  assertEquals((await carry.load()).code, 0);
  for (const [name, image] of [["good", good], ["bad", bad]] as const) {
    assertEquals(
      carry.destination.digestOf(`corp/${name}`, "v1"),
      image.digest,
    );
  }
});

Deno.test("archives: sync replaces what a tag has moved to", async () => {
  await using carry = new Carry();
  for (const archive of ["a.tar", "layout"]) {
    carry.source.install("corp/app", "v1", makeMultiArch(`old ${archive}`));
    assertEquals((await carry.save("corp/app:v1", archive)).code, 0);
    carry.source.install("corp/app", "v1", makeImage({ seed: archive }));
    const synced = await carry.sync("corp/app:v1", archive);
    assertEquals(synced.code, 0, synced.stderr);
    const loaded = await carry.load(archive, ["--overwrite"]);
    assertEquals(loaded.code, 0, loaded.stderr);
    assertEquals(
      carry.destination.digestOf("corp/app", "v1"),
      carry.source.digestOf("corp/app", "v1"),
    );
  }
});

Deno.test("archives: one that is not there is wrong usage, as a list is", async () => {
  await using carry = new Carry();
  const none = carry.path("none.tar");
  for (
    const { code, stderr } of [
      await carry.load("none.tar"),
      await carry.sync("corp/app:v1", "none.tar"),
      await carry.save("corp/app:v1", "a.tar", [`--since=${none}`]),
    ]
  ) {
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, none);
  }
  assertEquals(carry.source.requests, []);
});

Deno.test("archives: a link to a directory that the user gives stands for it", async () => {
  await using carry = new Carry();
  carry.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  carry.source.install("corp/more", "v1", makeImage({ seed: "more" }));
  await Deno.mkdir(carry.path("disk"));
  await Deno.symlink(carry.path("disk"), carry.path("layout"));
  for (
    const run of [
      () => carry.save("corp/app:v1", "layout"),
      () => carry.sync("corp/more:v1", "layout"),
      () => carry.load("layout"),
    ]
  ) {
    const { code, stderr } = await run();
    assertEquals(code, 0, stderr);
  }
  assertEquals(carry.destination.tags(), ["corp/app:v1", "corp/more:v1"]);
  await Deno.stat(carry.path("disk/index.json"));
});

Deno.test("load: a blob that is cut off fails its images at once, and no others", async () => {
  await using carry = new Carry();
  const cut = makeImage({ seed: "cut" });
  carry.source.install("corp/cut", "v1", cut);
  carry.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  const list = "corp/cut:v1\ncorp/app:v1\n";
  assertEquals((await carry.save(list, "layout")).code, 0);
  const { layers } = JSON.parse(new TextDecoder().decode(cut.bytes));
  const [{ digest, size }] = layers;
  const path = carry.path(`layout/blobs/${digest.replace(":", "/")}`);
  await Deno.truncate(path, size - 1);
  const { code, stderr } = await carry.load("layout");
  assertEquals(code, 1, stderr);
  assertStringIncludes(
    stderr,
    `${digest} has ${size - 1} bytes there instead of ${size}`,
  );
  assert(!stderr.includes("next attempt"), stderr);
  assertEquals(carry.destination.tags(), ["corp/app:v1"]);
});

Deno.test("archives: what another process writes is not touched", async () => {
  await using carry = new Carry();
  carry.source.install("corp/app", "v1", makeImage({ seed: "app" }));
  for (const archive of ["a.tar", "layout"]) {
    assertEquals((await carry.save("corp/app:v1", archive)).code, 0);
    const lock = await archiveFiles.lock(carry.path(archive));
    const incoming = carry.path("layout/.hangar/incoming");
    await Deno.mkdir(incoming, { recursive: true });
    await Deno.writeTextFile(`${incoming}/1`, "on its way");
    const refused = await carry.sync("corp/app:v1", archive);
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(refused.stderr, "another process");
    assertEquals(await Deno.readTextFile(`${incoming}/1`), "on its way");
    await lock![Symbol.asyncDispose]();
    const synced = await carry.sync("corp/app:v1", archive);
    assertEquals(synced.code, 0, synced.stderr);
    await Deno.remove(carry.path("layout"), { recursive: true });
  }
});

Deno.test("archives: an image that cannot be looked at fails with its reason", async () => {
  await using carry = new Carry();
  carry.source.install("corp/good", "v1", makeImage({ seed: "good" }));
  for (const flags of [["--dry-run"], []]) {
    const { code, stderr } = await carry.save(
      "corp/none:v1\ncorp/good:v1",
      "a.tar",
      flags,
    );
    assertEquals(code, 1, stderr);
    assertMatch(
      stderr,
      /\[ERRO\] \[IMG:1\] Failed .*: cannot read v1 from source .*: 404, there is no such image/,
    );
    assertMatch(
      stderr,
      /\[ERRO\] \[IMG:1\] corp\/none:v1: cannot read v1 from /,
    );
  }
  const failed = await Deno.readTextFile(carry.path("save-failed.txt"));
  assertMatch(failed, /# cannot read v1 from source .*: 404/);
});
