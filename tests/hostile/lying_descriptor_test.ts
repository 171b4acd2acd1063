import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeKey, signaturesOf } from "../support/signing.ts";
import {
  type MadeImage,
  makeImage,
  makeIndex,
  sha256,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { hangar } from "../support/hangar.ts";
import { attack } from "./attack.ts";

const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

const evil = makeImage({ seed: "evil" });
const nested = makeIndex([makeImage({ seed: "inner evil" })]);

interface Entry {
  readonly image: MadeImage;
  /** What it is called; nothing where this is empty. */
  readonly as: string;
  readonly platform?: boolean;
}

/** An index that calls its entries what it likes. */
function indexOf(entries: readonly Entry[], mediaType = OCI_INDEX): MadeImage {
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType,
    manifests: entries.map(({ image, as, platform }) => ({
      ...(as && { mediaType: as }),
      digest: image.digest,
      size: image.bytes.byteLength,
      ...(platform && { platform: { os: "linux", architecture: "amd64" } }),
    })),
  }));
  const index = { bytes, mediaType, digest: sha256(bytes) };
  return {
    ...index,
    manifests: [...entries.flatMap(({ image }) => image.manifests), index],
    blobs: new Map(entries.flatMap(({ image }) => [...image.blobs])),
  };
}

const LIES: Readonly<Record<string, MadeImage>> = {
  "an image that is called an index": indexOf([{
    image: evil,
    as: OCI_INDEX,
  }]),
  "an image that is called an index, with a platform": indexOf([{
    image: evil,
    as: OCI_INDEX,
    platform: true,
  }]),
  "an image that is called a manifest list": indexOf([{
    image: evil,
    as: DOCKER_LIST,
  }], DOCKER_LIST),
  "an image of OCI's that is called Docker's": indexOf([{
    image: evil,
    as: DOCKER_MANIFEST,
    platform: true,
  }]),
  "an image that is called something else": indexOf([{
    image: evil,
    as: "application/vnd.example.thing+json",
  }]),
  "an index that is called an image": indexOf([{
    image: nested,
    as: OCI_MANIFEST,
    platform: true,
  }]),
  "a lie inside a nested index": makeIndex([
    indexOf([{ image: evil, as: OCI_INDEX }]),
  ]),
  "one digest under two types": indexOf([
    { image: evil, as: OCI_INDEX },
    { image: evil, as: OCI_MANIFEST, platform: true },
  ]),
  "one digest under two types, in the other order": indexOf([
    { image: evil, as: OCI_MANIFEST, platform: true },
    { image: evil, as: OCI_INDEX },
  ]),
  "one digest under two types, in two indexes": makeIndex([
    indexOf([{ image: evil, as: OCI_INDEX }]),
    indexOf([{ image: evil, as: OCI_MANIFEST, platform: true }]),
  ]),
};

const ALL = ["--arch=all", "--os=all"];

for (const [name, image] of Object.entries(LIES)) {
  for (const line of ["corp/app:v1", `corp/app:v1@${image.digest}`]) {
    const how = line.includes("@") ? "pinned" : "by tag";
    for (
      const flags of [
        ["--insecure-policy"],
        ["--insecure-policy", "--remove-signatures"],
        ["--policy=REJECT"],
        ["--policy=REJECT", "--dry-run"],
        ["--policy=REJECT", "--remove-signatures"],
      ]
    ) {
      attack(`${name} is refused, ${how}, ${flags.join(" ")}`, async () => {
        await using pair = new Pair();
        pair.source.install("corp/app", "v1", image);
        const policy = await rejectAll(pair);
        const { code, stderr } = await pair.mirror(line, [
          ...ALL,
          ...flags.map((flag) => flag.replace("REJECT", policy)),
        ]);
        assertEquals(code, 1, stderr);
        assert(
          /its index calls it|as different things|does not accept/.test(stderr),
          stderr,
        );
        assertEquals(pair.destination.tags(), []);
        assertEquals(
          pair.destination.manifest("corp/app", evil.digest),
          undefined,
        );
      });
    }
  }
  attack(`${name} does not pass validate where it got through`, async () => {
    await using pair = new Pair();
    for (const registry of [pair.source, pair.destination]) {
      registry.install("corp/app", "v1", image);
    }
    const policy = await rejectAll(pair);
    const { code, stderr } = await pair.validate("corp/app:v1", [
      ...ALL,
      `--policy=${policy}`,
    ]);
    assertEquals(code, 1, stderr);
    assert(!stderr.includes("PASS"), stderr);
  });
}

async function rejectAll(pair: Pair): Promise<string> {
  const path = `${pair.directory}/policy.json`;
  await Deno.writeTextFile(path, '{"default":[{"type":"reject"}]}');
  return path;
}

attack("an unsigned image beside a signed one is judged", async () => {
  await using pair = new Pair();
  const key = makeKey();
  const signed = makeImage({ seed: "signed" });
  // What is not called anything is judged by what it is.
  const image = indexOf([
    { image: signed, as: OCI_MANIFEST, platform: true },
    { image: evil, as: "" },
  ]);
  pair.source.install("corp/app", "v1", image);
  const keys = `${pair.directory}/key.pub`;
  await Deno.writeTextFile(keys, key.publicPem);
  const policy = `${pair.directory}/policy.json`;
  await Deno.writeTextFile(
    policy,
    JSON.stringify({ default: [{ type: "sigstoreSigned", keyPath: keys }] }),
  );
  for (const made of [signed, image]) {
    pair.source.install(
      "corp/app",
      `${made.digest.replace(":", "-")}.sig`,
      signaturesOf(made.digest, [{
        key,
        reference: `${pair.source.host}/corp/app:v1`,
      }]),
    );
  }
  const run = () => pair.mirror("corp/app:v1", [...ALL, `--policy=${policy}`]);
  const refused = await run();
  assertEquals(refused.code, 1, refused.stderr);
  assertStringIncludes(refused.stderr, "does not accept");
  assertStringIncludes(refused.stderr, evil.digest);
  assertEquals(pair.destination.tags(), []);
  pair.source.install(
    "corp/app",
    `${evil.digest.replace(":", "-")}.sig`,
    signaturesOf(evil.digest, [{
      key,
      reference: `${pair.source.host}/corp/app:v1`,
    }]),
  );
  const accepted = await run();
  assertEquals(accepted.code, 0, accepted.stderr);
});

attack("an index of nothing is judged itself", async () => {
  await using pair = new Pair();
  const image = indexOf([]);
  pair.source.install("corp/app", "v1", image);
  const policy = await rejectAll(pair);
  const { code, stderr } = await pair.mirror(`corp/app:v1@${image.digest}`, [
    `--policy=${policy}`,
  ]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "does not accept");
  assertEquals(pair.destination.tags(), []);
});

attack("what one image calls right, another may not call wrong", async () => {
  await using pair = new Pair();
  const honest = indexOf([{ image: evil, as: OCI_MANIFEST, platform: true }]);
  const lying = indexOf([{ image: evil, as: OCI_INDEX, platform: true }]);
  pair.source.install("corp/app", "honest", honest);
  pair.source.install("corp/app", "lying", lying);
  const { code, stderr } = await pair.mirror(
    "corp/app:honest\ncorp/app:lying",
    [...ALL, "--jobs=1", "--remove-signatures"],
  );
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "its index calls it");
  assertEquals(pair.destination.tags(), ["corp/app:honest"]);
  // The tag calls it right; a source that calls it wrong is looked into.
  pair.source.install("corp/app", "honest", lying);
  const later = await pair.mirror("corp/app:honest", [
    ...ALL,
    "--remove-signatures",
  ]);
  assertEquals(later.code, 1, later.stderr);
  assertEquals(pair.destination.digestOf("corp/app", "honest"), honest.digest);
});

for (
  const [name, image, type] of [
    ["an image that comes as an index", evil, OCI_INDEX],
    ["an index that comes as an image", nested, OCI_MANIFEST],
    ["an image of OCI's that comes as Docker's", evil, DOCKER_MANIFEST],
    [
      "an image that comes as schema 1",
      evil,
      "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ],
  ] as const
) {
  attack(`${name} is refused`, async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", {
      ...image,
      manifests: image.manifests.map((manifest) =>
        manifest.digest === image.digest
          ? { ...manifest, mediaType: type }
          : manifest
      ),
    });
    const { code, stderr } = await pair.mirror("corp/app:v1", ALL);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, `but came as ${type}`);
    assertEquals(pair.destination.tags(), []);
  });
}

attack("sign looks into what is not called an image", async () => {
  await using pair = new Pair();
  const lying = indexOf([{ image: evil, as: OCI_INDEX, platform: true }]);
  pair.destination.install("corp/app", "v1", lying);
  const key = makeKey();
  const keys = `${pair.directory}/key.pub`;
  await Deno.writeTextFile(keys, key.publicPem);
  const { code, stderr } = await hangar([
    "sign",
    "validate",
    "-f-",
    `--destination=http://${pair.destination.host}`,
    `--sigstore-pubkey=${keys}`,
    `--failed=${pair.failed}`,
  ], { stdin: "corp/app:v1" });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "its index calls it");
});

attack("inspect shows no image that its index calls an index", async () => {
  await using pair = new Pair();
  const lying = indexOf([{ image: evil, as: OCI_INDEX, platform: true }]);
  pair.source.install("corp/app", "v1", lying);
  const { code, stderr } = await hangar([
    "inspect",
    "--config",
    `${pair.source.host}/corp/app:v1`,
  ]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "its index calls it");
});
