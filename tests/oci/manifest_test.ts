import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { HangarError } from "../../src/errors.ts";
import { contentOf, MediaType } from "../../src/oci/manifest.ts";
import { parseContent } from "../../src/oci/parse_manifest.ts";
import { makeArtifact, makeImage, makeMultiArch } from "../support/images.ts";

function parse(json: unknown, contentType?: string) {
  return parseContent(
    contentOf(new TextEncoder().encode(JSON.stringify(json)), contentType),
  );
}

const digest = `sha256:${"a".repeat(64)}`;
const descriptor = { mediaType: "x/y", digest, size: 1 };

for (
  const [name, made, kind] of [
    ["OCI image", makeImage({ seed: "a" }), "image"],
    ["Docker image", makeImage({ seed: "a", docker: true }), "image"],
    ["OCI index", makeMultiArch("a"), "index"],
    ["Docker list", makeMultiArch("a", { docker: true }), "index"],
    ["Helm chart", makeArtifact("a"), "image"],
  ] as const
) {
  Deno.test(`manifest: ${name} is read`, () => {
    const manifest = parseContent(contentOf(made.bytes, made.mediaType));
    assertEquals(manifest.kind, kind);
    assertEquals(manifest.content.digest, made.digest);
    assertEquals(manifest.content.mediaType, made.mediaType);
    const known: string[] = [
      ...made.blobs.keys(),
      ...made.manifests.map((m) => m.digest),
    ];
    const below = manifest.kind === "index"
      ? manifest.entries
      : [manifest.config, ...manifest.layers];
    for (const child of below) {
      assertEquals(known.includes(child.digest), true);
    }
  });
}

Deno.test("manifest: the media type is its own, else the header's, else by shape", () => {
  const body = { schemaVersion: 2, config: descriptor, layers: [] };
  const typeOf = (json: unknown, contentType?: string) =>
    parse(json, contentType).content.mediaType;
  assertEquals(
    typeOf({ ...body, mediaType: MediaType.ociManifest }, "application/json"),
    MediaType.ociManifest,
  );
  assertEquals(
    typeOf(body, `${MediaType.dockerManifest}; charset=utf-8`),
    MediaType.dockerManifest,
  );
  assertEquals(typeOf(body, "application/json"), MediaType.ociManifest);
  assertEquals(
    typeOf({ schemaVersion: 2, manifests: [] }),
    MediaType.ociIndex,
  );
});

for (
  const [name, json, code] of [
    ["schema 1", { schemaVersion: 1 }, "unsupported-manifest"],
    ["another version", { schemaVersion: 3 }, "invalid-manifest"],
    [
      "an unknown type",
      { schemaVersion: 2, mediaType: "a/b" },
      "unsupported-manifest",
    ],
    ["no object", [], "invalid-manifest"],
    [
      "both kinds",
      { schemaVersion: 2, manifests: [], layers: [] },
      "invalid-manifest",
    ],
    [
      "no config",
      { schemaVersion: 2, mediaType: MediaType.ociManifest },
      "invalid-manifest",
    ],
    ...[
      { ...descriptor, size: -1 },
      { ...descriptor, size: 1.5 },
      { ...descriptor, size: 2 ** 60 },
      { ...descriptor, size: "1" },
      { ...descriptor, digest: "sha256:../../etc" },
      { ...descriptor, digest: `md5:${"a".repeat(32)}` },
      { ...descriptor, annotations: { a: 1 } },
      { ...descriptor, urls: "https://x" },
      null,
    ].map((layer) =>
      [`layer ${JSON.stringify(layer)?.slice(0, 60)}`, {
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        config: descriptor,
        layers: [layer],
      }, "invalid-manifest"] as const
    ),
  ] as const
) {
  Deno.test(`manifest: ${name} is refused`, () => {
    const error = assertThrows(() => parse(json), HangarError);
    assertEquals(error.code, code);
  });
}

Deno.test("manifest: no JSON makes the parser fail otherwise", () => {
  fc.assert(fc.property(fc.jsonValue(), (json) => {
    try {
      parse(json);
    } catch (error) {
      if (!(error instanceof HangarError)) throw error;
    }
  }));
});

Deno.test("manifest: over 4 MiB is refused", () => {
  const error = assertThrows(
    () => parse({ schemaVersion: 2, pad: "x".repeat(4 << 20) }),
    HangarError,
  );
  assertEquals(error.code, "too-large");
});
