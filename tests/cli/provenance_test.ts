/**
 * `hangar inspect --provenance`: the way of an image through mirrors.
 *
 * @module
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { generateKeyPair } from "../../src/signatures/sigstore_key.ts";
import { FakeRegistry } from "../support/fake_registry.ts";
import { hangar } from "../support/hangar.ts";
import { type MadeImage, makeMultiArch } from "../support/images.ts";

const REPO = "corp/app";
const PASSPHRASE = "pass";

/** Registries in a row, and a mirror with a key of its own before each but the first. */
class Chain implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly registries = [1, 2, 3].map(() =>
    FakeRegistry.start({ quirks: { sparse: "taken" } })
  );

  constructor(image: MadeImage) {
    this.registries[0]!.install(REPO, "v1", image);
    for (const stop of [1, 2]) {
      const pair = generateKeyPair(PASSPHRASE);
      Deno.writeTextFileSync(`${this.directory}/${stop}.key`, pair.privatePem);
      Deno.writeTextFileSync(`${this.directory}/${stop}.pub`, pair.publicPem);
    }
    Deno.writeTextFileSync(
      `${this.directory}/both.pub`,
      [1, 2].map((stop) =>
        Deno.readTextFileSync(`${this.directory}/${stop}.pub`)
      ).join(""),
    );
  }

  reference(stop: number): string {
    return `${this.registries[stop]!.host}/${REPO}:v1`;
  }

  /** Mirrors from the registry before to one. */
  async mirror(stop: number, flags: string[] = []): Promise<void> {
    const { code, stderr } = await hangar([
      "mirror",
      "-f-",
      `--source=http://${this.registries[stop - 1]!.host}`,
      `--destination=http://${this.registries[stop]!.host}`,
      `--failed=${this.directory}/failed.txt`,
      `--sigstore-private-key=${this.directory}/${stop}.key`,
      "--insecure-policy",
      "--attest",
      ...flags,
    ], { stdin: `${REPO}:v1`, env: { COSIGN_PASSWORD: PASSPHRASE } });
    assertEquals(code, 0, stderr);
  }

  show(key: string, flags: string[] = []) {
    return hangar([
      "inspect",
      "--provenance",
      `--sigstore-pubkey=${this.directory}/${key}.pub`,
      this.reference(2),
      ...flags,
    ]);
  }

  async [Symbol.asyncDispose]() {
    for (const one of this.registries) await one[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

Deno.test("provenance: both stops are shown, newest first, with what was verified", async () => {
  const image = makeMultiArch("app");
  await using chain = new Chain(image);
  await chain.mirror(1);
  await chain.mirror(2);
  const { code, stdout } = await chain.show("both");
  assertEquals(code, 0);
  const lines = stdout.split("\n");
  assertEquals(lines[0], `${chain.reference(2)} ${image.digest}`);
  const ways = lines.filter((line) => line.includes(" => "));
  assertEquals(ways.length, 2);
  for (const way of ways) {
    assertMatch(way, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /);
  }
  const verified = "  verified: signed by the key; it is about this digest";
  assertEquals(lines.filter((line) => line === verified).length, 2);
  assertStringIncludes(stdout, "  platforms: linux/amd64, linux/arm64\n");
  assertEquals(stdout.includes("NOT VERIFIED"), false);
  const json = await chain.show("both", ["--json"]);
  const { digest, stops, unverified } = JSON.parse(json.stdout);
  assertEquals(digest, image.digest);
  assertEquals(unverified, []);
  // Both stops may have the same second.
  assertEquals(
    stops.map((stop: { predicate: { destination: { reference: string } } }) =>
      stop.predicate.destination.reference
    ).sort(),
    [chain.reference(1), chain.reference(2)].sort(),
  );
});

Deno.test("provenance: a stop whose signer is not trusted proves nothing, and is told", async () => {
  await using chain = new Chain(makeMultiArch("app"));
  await chain.mirror(1);
  await chain.mirror(2);
  const { code, stdout } = await chain.show("2");
  assertEquals(code, 0);
  assertStringIncludes(
    stdout,
    `NOT VERIFIED: nobody you trust says that it came from ${
      chain.reference(0)
    } => ${chain.reference(1)}`,
  );
  assertEquals(stdout.split("verified: signed by").length, 2);
});

Deno.test("provenance: where a mirror rebuilt the index, the stop before is known by the parts", async () => {
  const image = makeMultiArch("app", {
    platforms: ["linux/amd64", "linux/arm64", "linux/s390x"],
  });
  const [amd64] = image.manifests;
  await using chain = new Chain(image);
  await chain.mirror(1, ["--index=sparse", "--arch=amd64"]);
  await chain.mirror(2, ["--arch=amd64"]);
  const { code, stdout } = await chain.show("both");
  assertEquals(code, 0, stdout);
  assertStringIncludes(
    stdout,
    `${chain.reference(0)} => ${
      chain.reference(1)
    }\n  verified: signed by the key; it is about parts of it: ${
      amd64!.digest
    }`,
  );
  assertStringIncludes(
    stdout,
    `${chain.reference(1)} => ${
      chain.reference(2)
    }\n  verified: signed by the key; it is about this digest`,
  );
});

Deno.test("provenance: nothing that is verified is exit 1", async () => {
  await using chain = new Chain(makeMultiArch("app"));
  await chain.mirror(1);
  const flags = [`--sigstore-pubkey=${chain.directory}/2.pub`];
  for (const stop of [0, 1]) {
    const { code, stderr } = await hangar([
      "inspect",
      "--provenance",
      ...flags,
      chain.reference(stop),
    ]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "nothing is attested of");
  }
});

Deno.test("provenance: flags that make no sense are wrong usage", async () => {
  for (
    const [flags, why] of [
      [["--provenance"], "--sigstore-pubkey is missing"],
      [["--provenance", "--raw"], "--provenance and --raw"],
      [["--json"], "--json is for --provenance"],
      [["--sigstore-pubkey=k.pub"], "--sigstore-pubkey is for --provenance"],
    ] as const
  ) {
    const { code, stderr } = await hangar([
      "inspect",
      ...flags,
      "127.0.0.1:1/corp/app:v1",
    ]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, why);
  }
});
