import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type MadeImage,
  makeFallback,
  makeImage,
  makeMultiArch,
  makeReferrer,
  makeSignatures,
  sha256,
} from "../support/images.ts";
import { Pair } from "../support/pair.ts";
import { makeKey, signaturesOf } from "../support/signing.ts";
import { attack } from "./attack.ts";

const good = makeMultiArch("good");
const evil = makeImage({ seed: "evil" });
const text = (image: { readonly bytes: Uint8Array }) =>
  JSON.stringify(JSON.parse(new TextDecoder().decode(image.bytes)));
const evilEntry = JSON.stringify({
  mediaType: evil.mediaType,
  digest: evil.digest,
  size: evil.bytes.byteLength,
});

/** The same image with other text for its manifest. */
function rewritten(
  image: MadeImage,
  write: (json: string) => string,
): MadeImage {
  const bytes = new TextEncoder().encode(write(text(image)));
  const made = {
    bytes,
    mediaType: image.mediaType,
    digest: sha256(bytes),
  };
  return {
    ...image,
    ...made,
    manifests: [...image.manifests.slice(0, -1), ...evil.manifests, made],
    blobs: new Map([...image.blobs, ...evil.blobs]),
  };
}

/** More fields at the end of the outermost object. */
const append = (fields: string) => (json: string) =>
  `${json.slice(0, -1)},${fields}}`;
/** More fields at the beginning of the first entry. */
const inEntry = (fields: string) => (json: string) =>
  json.replace('"manifests":[{', `$&${fields},`);
const single = makeImage({ seed: "single" });

const AMBIGUOUS: Readonly<Record<string, MadeImage>> = {
  "manifests twice": rewritten(good, append(`"manifests":[${evilEntry}]`)),
  "manifests twice, once escaped": rewritten(
    good,
    append(`"manifest\\u0073":[${evilEntry}]`),
  ),
  "Manifests": rewritten(good, append(`"Manifests":[${evilEntry}]`)),
  "a long s": rewritten(good, append(`"manife\u017fts":[${evilEntry}]`)),
  "a long s, escaped": rewritten(
    good,
    append(`"MANIFE\\u017fTS":[${evilEntry}]`),
  ),
  "MediaType": rewritten(good, append(`"MediaType":"${evil.mediaType}"`)),
  "Layers in an index": rewritten(good, append('"Layers":[]')),
  "a digest twice": rewritten(good, inEntry(`"digest":"${evil.digest}"`)),
  "a Digest": rewritten(good, inEntry(`"Digest":"${evil.digest}"`)),
  "a Platform": rewritten(good, inEntry('"Platform":{"os":"windows"}')),
  "an OS in a platform": rewritten(
    good,
    (json) => json.replace('"platform":{', '$&"OS":"windows",'),
  ),
  "an annotation twice": rewritten(
    good,
    append('"annotations":{"a":"1","a":"2"}'),
  ),
  "Config in an image": rewritten(single, append(`"Config":${evilEntry}`)),
  "layers twice in an image": rewritten(single, append('"layers":[]')),
  "a Size of a layer": rewritten(
    single,
    (json) => json.replace('"layers":[{', '$&"Size":1,'),
  ),
  "fields of schema 1": rewritten(single, append('"fsLayers":[]')),
  "an unknown field twice": rewritten(good, append('"x":{"y":1,"y":2}')),
};

for (const [name, image] of Object.entries(AMBIGUOUS)) {
  for (const line of ["corp/app:v1", `corp/app:v1@${image.digest}`]) {
    attack(
      `${name} is refused: ${line.length > 20 ? "pinned" : "tag"}`,
      async () => {
        await using pair = new Pair();
        pair.source.install("corp/app", "v1", image);
        const { code, stderr } = await pair.mirror(line);
        assertEquals(code, 1, stderr);
        assertStringIncludes(stderr, `manifest ${image.digest}`);
        assertEquals(pair.destination.tags(), []);
      },
    );
  }
}

attack(
  "a child that is ambiguous is refused, and its index with it",
  async () => {
    await using pair = new Pair();
    const child = rewritten(single, append('"Layers":[]'));
    const bytes = new TextEncoder().encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: good.mediaType,
      manifests: [{
        mediaType: child.mediaType,
        digest: child.digest,
        size: child.bytes.byteLength,
        platform: { os: "linux", architecture: "amd64" },
      }],
    }));
    const index = { bytes, mediaType: good.mediaType, digest: sha256(bytes) };
    pair.source.install("corp/app", "v1", {
      ...index,
      manifests: [...child.manifests, index],
      blobs: child.blobs,
    });
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, '"Layers" is layers in other letters');
    assertEquals(pair.destination.tags(), []);
  },
);

attack("a config whose platform is ambiguous is refused", async () => {
  await using pair = new Pair();
  const config = new TextEncoder().encode(
    '{"architecture":"amd64","os":"linux","Architecture":"arm64"}',
  );
  const image = rewritten(single, (json) => {
    const manifest = JSON.parse(json);
    manifest.config.digest = sha256(config);
    manifest.config.size = config.byteLength;
    return JSON.stringify(manifest);
  });
  pair.source.install("corp/app", "v1", {
    ...image,
    blobs: new Map([...image.blobs, [sha256(config), config]]),
  });
  const { code, stderr } = await pair.mirror("corp/app:v1", ["--arch=amd64"]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, '"Architecture" is architecture');
});

attack("signatures whose manifest is ambiguous are refused", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", single);
  pair.source.install(
    "corp/app",
    `${single.digest.replace(":", "-")}.sig`,
    rewritten(
      makeSignatures(single.digest, ["ours"]),
      append('"Layers":[]'),
    ),
  );
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, '"Layers" is layers in other letters');
  assertEquals(pair.destination.tags(), []);
});

attack("a list of referrers that is ambiguous is refused", async () => {
  await using pair = new Pair();
  pair.source.install("corp/app", "v1", single);
  const referrer = makeReferrer(single, "sbom");
  pair.source.install(
    "corp/app",
    single.digest.replace(":", "-"),
    rewritten(makeFallback([referrer]), append('"Manifests":[]')),
  );
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, '"Manifests" is manifests in other letters');
});

attack(
  "a destination's index that is ambiguous is not merged with",
  async () => {
    await using pair = new Pair();
    pair.source.install("corp/app", "v1", good);
    const held = rewritten(
      makeMultiArch("held", { platforms: ["linux/s390x"] }),
      append(`"Manifests":[${evilEntry}]`),
    );
    pair.destination.install("corp/app", "v1", held);
    const { code, stderr } = await pair.mirror("corp/app:v1");
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "--overwrite");
    assertEquals(pair.destination.digestOf("corp/app", "v1"), held.digest);
  },
);

attack("a signed payload that says two things is no signature", async () => {
  await using pair = new Pair();
  const key = makeKey();
  pair.source.install("corp/app", "v1", single);
  const reference = `${pair.source.host}/corp/app:v1`;
  const keys = `${pair.directory}/key.pub`;
  await Deno.writeTextFile(keys, key.publicPem);
  const policy = `${pair.directory}/policy.json`;
  await Deno.writeTextFile(
    policy,
    JSON.stringify({ default: [{ type: "sigstoreSigned", keyPath: keys }] }),
  );
  const json = (digest: string) =>
    `"critical":{"identity":{"docker-reference":"${reference}"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"}`;
  const payload = `{${json(evil.digest)},${json(single.digest)},"optional":{}}`;
  const made = signaturesOf(single.digest, [{
    key,
    reference,
    text: payload,
  }]);
  pair.source.install(
    "corp/app",
    `${single.digest.replace(":", "-")}.sig`,
    made,
  );
  const { code, stderr } = await pair.mirror("corp/app:v1", [
    `--policy=${policy}`,
  ]);
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "does not accept");
  assertEquals(pair.destination.tags(), []);
});

attack("a manifest that is nested without end is refused at once", async () => {
  await using pair = new Pair();
  const deep = "[".repeat(400_000) + "]".repeat(400_000);
  const image = rewritten(single, append(`"x":${deep}`));
  pair.source.install("corp/app", "v1", image);
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "deep");
});

Deno.test("mirror: unknown keys, and free ones that differ in case, are no harm", async () => {
  await using pair = new Pair();
  const image = rewritten(
    good,
    append('"annotations":{"a":"1","A":"2","Digest":"3"},"Foo":1,"foo":2'),
  );
  pair.source.install("corp/app", "v1", image);
  const { code, stderr } = await pair.mirror("corp/app:v1");
  assertEquals(code, 0, stderr);
  assertEquals(pair.destination.digestOf("corp/app", "v1"), image.digest);
});
