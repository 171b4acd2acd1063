// What is hard to hold, sent to registries of every kind.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Quirks } from "../support/fake_registry.ts";
import {
  makeImage,
  makeIndex,
  makeSha512,
  randomBytes,
  sha256,
} from "../support/images.ts";
import { ProfilePair } from "../support/profile_pair.ts";
import { type Profile, PROFILES } from "../support/profiles.ts";

const KINDS: readonly Profile[] = [
  { name: "one that conforms", options: () => ({}) },
  ...PROFILES,
];

/** A destination of a kind, with more quirks. */
function pairWith({ options }: Profile, quirks: Quirks = {}): ProfilePair {
  const given = options();
  return new ProfilePair({ ...given, quirks: { ...given.quirks, ...quirks } });
}

const foreignLayer = sha256(randomBytes(10, "windows foreign"));
const windows = makeImage({
  seed: "windows",
  platform: "windows/amd64",
  osVersion: "10.0.20348.1",
  foreignLayer: true,
});
const linux = makeImage({ seed: "linux" });
const withForeign = makeIndex([windows, linux], { docker: true });
/** Bytes; more than what goes up in one request of known length. */
const LARGE = 1_500_000;
const ALL = ["--arch=all", "--os=all"];

for (const kind of KINDS) {
  const { quirks = {} } = kind.options();

  Deno.test(`foreign layers: to ${kind.name}`, async () => {
    await using pair = pairWith(kind);
    const { source, destination } = pair;
    source.install("team/web", "v1", withForeign);
    const { code, stderr } = await pair.run(["mirror"], "team/web:v1", ALL);
    assertEquals(destination.hasBlob("team/web", foreignLayer), false);
    if (!quirks.refusesForeignLayers) {
      assertEquals(code, 0, stderr);
      assertEquals(
        destination.digestOf("team/web", "v1"),
        withForeign.digest,
      );
      return;
    }
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "its foreign layers (with `urls`)");
    assertStringIncludes(stderr, "500 UNKNOWN: unknown error");
    assertStringIncludes(stderr, "or leave out the platforms that have them");
    assertEquals(destination.tags(), []);
    const without = await pair.run(["mirror"], "team/web:v1", ["--os=linux"]);
    assertEquals(without.code, 0, without.stderr);
    assertEquals(destination.entries("team/web", "v1"), [linux.digest]);
  });

  Deno.test(`sha512: to ${kind.name}`, async () => {
    await using pair = pairWith(kind);
    const { source, destination } = pair;
    const image = makeSha512([600_000, 300]);
    source.install("team/web", "v1", image);
    source.install("team/api", "v1", image);
    const list = "team/web:v1\nteam/api:v1";
    const first = await pair.run(["mirror"], list, ["-j1"]);
    assertEquals(destination.digestOf("team/web", "v1"), image.digest);
    const proof = await pair.run(["mirror", "validate"], "team/web:v1", [
      "--deep=bytes",
    ]);
    assertEquals(proof.code, 0, proof.stderr);
    // It is sent to the second repository, too: some registries answer a mount
    // with 201, and have nothing under its sha512 afterwards.
    assertEquals(first.code, 0, first.stderr);
    assertEquals(destination.digestOf("team/api", "v1"), image.digest);
  });

  Deno.test(`many tags: to ${kind.name}`, async () => {
    await using pair = pairWith(kind);
    const { source, destination } = pair;
    const tags = Array.from({ length: 25 }, (_, i) => `t${i}`);
    const images = [0, 1, 2].map((i) => makeImage({ seed: `tagged ${i}` }));
    tags.forEach((tag, i) => source.install("team/web", tag, images[i % 3]!));
    const lines = tags.map((tag) => `team/web:${tag}`);
    const early = await pair.run(["mirror"], lines.slice(0, 12).join("\n"));
    assertEquals(early.code, 0, early.stderr);

    source.clear();
    destination.clear();
    const rest = await pair.run(["mirror"], lines.join("\n"), ["--missing"]);
    assertEquals(rest.code, 0, rest.stderr);
    assertStringIncludes(rest.stderr, "13 copied, 0 up to date, 12 there");
    assertEquals(destination.tags(), [...lines].sort());
    for (const tag of tags.slice(0, 12)) {
      assertEquals(source.count({ reference: tag }), 0, tag);
    }
    const pages = Math.ceil(12 / (kind.options().tagPageSize ?? 1000));
    assertEquals(destination.count({ kind: "tags", status: 200 }), pages);

    source.clear();
    const again = await pair.run(["mirror"], lines.join("\n"), ["--missing"]);
    assertEquals(again.code, 0, again.stderr);
    assertStringIncludes(again.stderr, "25 there already");
    assertEquals(source.requests, []);
  });

  Deno.test(`uploads: two bodies that break, to ${kind.name}`, async () => {
    const breakAt = 100_000;
    await using pair = pairWith(kind, {
      lossy: true,
      breakUploads: () => longBodies() <= 2 ? breakAt : Infinity,
    });
    const longBodies = () =>
      pair.destination.requests.filter(({ kind, bytesIn }) =>
        kind === "upload" && bytesIn > breakAt
      ).length;
    await assertArrives(pair);
    assert(longBodies() > 2);
    assertSentOnce(pair, quirks);
  });

  for (const method of ["POST", "PATCH", "PUT"]) {
    Deno.test(`uploads: the answer to a ${method} that is lost, to ${kind.name}`, async () => {
      await using pair = pairWith(kind, { lossy: true });
      const match = { kind: "upload", method } as const;
      const action = { lostAnswer: 502 };
      pair.destination.fault({ match, times: 1, action });
      await assertArrives(pair);
      assertEquals(pair.destination.count({ ...match, status: 502 }), 1);
      assertSentOnce(pair, quirks);
    });
  }
}

Deno.test("uploads: where PATCH works and its answers are lost, a registry that forgets is sent one PUT", async () => {
  const forgets = PROFILES.find((p) => p.options().quirks?.forgetBrokenUploads);
  await using pair = pairWith(forgets!, { lossy: true });
  const { source, destination } = pair;
  for (const name of ["team/web", "team/api"]) {
    source.install(name, "v1", makeImage({ seed: name, layers: [LARGE] }));
  }
  const match = {
    kind: "upload",
    method: "PATCH",
    repository: "team/api",
  } as const;
  destination.fault({ match, action: { lostAnswer: 502 } });
  const list = "team/web:v1\nteam/api:v1";
  const { code, stderr } = await pair.run(["mirror"], list, ["-j1"]);
  assertEquals(code, 0, stderr);
  assertEquals(destination.count(match), 1);
});

/** Mirrors an image with a large layer, and reads all of it back. */
async function assertArrives(pair: ProfilePair) {
  const image = makeImage({ seed: "large", layers: [LARGE] });
  pair.source.install("team/chart", "v1", image);
  const { code, stderr } = await pair.run(["mirror"], "team/chart:v1");
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("team/chart", "v1"), image.digest);
  const proof = await pair.run(["mirror", "validate"], "team/chart:v1", [
    "--deep=bytes",
  ]);
  assertEquals(proof.code, 0, proof.stderr);
}

/** What has arrived is not sent again, where its upload is still there. */
function assertSentOnce({ destination }: ProfilePair, quirks: Quirks) {
  const isLost = quirks.forgetBrokenUploads || quirks.maxBody;
  const most = isLost ? 3 * LARGE : 1.2 * LARGE;
  const sent = destination.blobBytesReceived;
  assert(sent < most, `${sent} bytes sent`);
}
